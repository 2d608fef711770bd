package auditlog

import "strings"

// event returns what an entry recorded: a request on the located mount, or the opening of
// a wrapping, which is on one of Vault's own mounts.
func (e *entry) event(mount, path string) (Event, bool) {
	if e.Type != "response" {
		return Event{}, false // only responses say what happened
	}
	event := e.requested(mount, path)
	if e.opens() {
		return event.opening(e)
	}
	if mount == "" {
		return Event{}, false
	}
	return event.outcome(e)
}

// requested returns the part of an event that the request holds.
func (e *entry) requested(mount, path string) Event {
	place, role, _ := strings.Cut(path, "/")
	if place == "config" {
		role = ""
	}
	return Event{
		Time: e.at, Operation: e.Request.Operation, Mount: mount, Path: path, Role: role, Reader: e.Auth.reader(),
		Address: e.Request.RemoteAddress,
	}
}

func (v Event) outcome(e *entry) (Event, bool) {
	place, _, _ := strings.Cut(v.Path, "/")
	switch {
	case e.denied():
		v.Kind, v.Detail = Denied, e.reason()
		return v, true
	case e.Response.WrapInfo.Token != "" && place == "token":
		return v.making(Wrapped, e.Response.WrapInfo), true
	}
	return v.success(e.Response.answer(), e.reason(), place)
}

func (v Event) success(answer answerData, reason, place string) (Event, bool) {
	changes := v.Operation != "read" && v.Operation != "list" && v.Operation != "help"
	switch {
	case reason != "" || answer.Error != "":
		v.Kind, v.Detail = Failed, reason
	case place == "token" && answer.TokenID != "":
		v.Kind, v.Token = Read, answer.token()
	case place == "rotate" && changes:
		v.Kind, v.Token = Rotated, answer.token()
	case place == "config" && changes:
		v.Kind = ConfigChanged
	case place == "role" && changes:
		v.Kind = RoleChanged
	default:
		return Event{}, false
	}
	return v, true
}

// denied reports whether Vault refused the request, not the engine.
func (e *entry) denied() bool {
	if e.Auth.PolicyResults != nil {
		return !e.Auth.PolicyResults.Allowed
	}
	return strings.Contains(e.Error, "permission denied") || strings.Contains(e.Error, "invalid token") ||
		strings.Contains(e.Error, "missing client token")
}

// reason returns the error in one line, without the list format of Vault's multierror.
func (e *entry) reason() string {
	var reasons []string
	for line := range strings.Lines(e.Error) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* "))
		if line != "" && !strings.HasSuffix(line, "occurred:") {
			reasons = append(reasons, line)
		}
	}
	return strings.Join(reasons, "; ")
}
