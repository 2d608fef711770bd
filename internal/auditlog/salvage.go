package auditlog

import "bytes"

// UnknownReader is the reader's name in an entry that is too damaged to show one.
const UnknownReader = "(unknown)"

// salvaged returns the rest of an unreadable entry, if it may be on one of the mounts or
// the opening of a wrapping. named means that its line contains a mount's name, or may.
// Vault writes the caller first, then the request's body, and only then the mount and the
// path. A caller must not avoid detection with a body so long that, say, syslog cuts off
// the rest.
func (m Mounts) salvaged(e *entry, named bool) (Event, bool) {
	mount, path, located := m.locate(&e.Request)
	begun := e.Auth.ClientToken != "" || e.Auth.DisplayName != "" || e.Request.ClientToken != ""
	switch {
	case e.Type == "request":
		return Event{}, false // its response has a line of its own
	case located && e.Request.Namespace.ID != "":
	case located, e.opens():
		mount, path = "", e.path()
	case e.Request.Path != "":
		return Event{}, false // another engine's
	case begun, named:
	default:
		return Event{}, false // no entry
	}
	event := e.requested(mount, path)
	event.Kind, event.Detail = Unreadable, e.reason()
	if e.Auth.ClientToken == "" && e.Auth.DisplayName == "" {
		event.Reader = Reader{Name: UnknownReader}
	}
	return event, true
}

// areIn reports whether a damaged line names a mount by type or path. Lines of the server
// log, which may be mixed in, have both without quotes.
func (m Mounts) areIn(line []byte) bool {
	named := bytes.Contains(line, []byte(`"`+PluginName+`"`))
	for _, mount := range m.named {
		named = named || bytes.Contains(line, append(needle(mount), `/"`...))
	}
	return named
}
