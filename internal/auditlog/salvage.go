package auditlog

import "bytes"

// UnknownReader stands for the reader of an entry that is too damaged to tell.
const UnknownReader = "(unknown)"

// salvaged is what is left of an entry that can't be read, if it may be one of the
// mounts' or a wrapping that was opened; named tells that its line has a mount's name in
// it, or may have. Vault writes who asked first, then the request's body, and only then the
// mount and the path: a body that is long enough to have the rest cut off, as syslog does,
// must not keep its sender out of sight.
func (m Mounts) salvaged(e *entry, named bool) (Event, bool) {
	mount, path, located := m.locate(&e.Request)
	begun := e.Auth.ClientToken != "" || e.Auth.DisplayName != "" || e.Request.ClientToken != ""
	switch {
	case e.Type == "request":
		return Event{}, false // the response of the same id comes after it
	case located && e.Request.Namespace.ID != "":
	case located, e.opens():
		mount, path = "", e.path()
	case e.Request.Path != "":
		return Event{}, false // another engine's
	case begun, named:
	default:
		return Event{}, false // no entry
	}
	event := e.asked(mount, path)
	event.Kind, event.Detail = Unreadable, e.reason()
	if e.Auth.ClientToken == "" && e.Auth.DisplayName == "" {
		event.Reader = Reader{Name: UnknownReader}
	}
	return event, true
}

// areIn tells whether a damaged line is of a mount's by its type or path. The server's own
// log, in lines between those of the audit log, has both without quotes.
func (m Mounts) areIn(line []byte) bool {
	named := bytes.Contains(line, []byte(`"`+PluginName+`"`))
	for _, mount := range m.named {
		named = named || bytes.Contains(line, append(needle(mount), `/"`...))
	}
	return named
}
