package auditlog

import "strings"

// unwrapPath is where wrapped tokens are taken out, on Vault's own mount.
const unwrapPath = "sys/wrapping/unwrap"

// event is what an entry recorded: of the mount that it was located in, or an
// unwrapping, which Vault's own mount answers.
func (e *entry) event(mount, path string) (Event, bool) {
	if e.Type != "response" {
		return Event{}, false // the request of the same id came before it
	}
	event := Event{
		Time: e.Time.UTC(), Operation: e.Request.Operation, Mount: mount, Path: path, Reader: e.Auth.reader(), Address: e.Request.RemoteAddress,
	}
	if strings.TrimPrefix(e.Request.Path, e.Request.Namespace.Path) == unwrapPath {
		return event.unwrapping(e)
	}
	if mount == "" {
		return Event{}, false
	}
	place, role, _ := strings.Cut(path, "/")
	if place != "config" {
		event.Role = role
	}
	return event.outcome(e, place)
}

func (v Event) outcome(e *entry, place string) (Event, bool) {
	switch {
	case e.denied():
		v.Kind, v.Detail = Denied, e.reason()
		return v, true
	case e.Response.WrapInfo != nil && e.Response.WrapInfo.Token != "" && place == "token":
		v.Kind, v.Wrappings = Wrapped, []string{e.Response.WrapInfo.Token}
		return v, true
	}
	return v.success(e.Response.Data, e.reason(), place)
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

// unwrapping is the event of a token taken out of a wrapping. That what came out
// is an iTwin token shows in its keys alone.
func (v Event) unwrapping(e *entry) (Event, bool) {
	answer := e.Response.Data
	if answer.AccessToken == "" || answer.TokenID == "" || answer.LastVaultRotation == "" {
		return Event{}, false
	}
	v.Kind, v.Token, v.Mount, v.Path = Unwrapped, answer.token(), "", unwrapPath
	// Without a body, the caller's own token is the wrapping's.
	v.Wrappings = []string{e.Request.Data.Token, e.Request.ClientToken, e.Auth.ClientToken}
	return v, true
}

// denied tells a refusal of Vault's from the engine's own.
func (e *entry) denied() bool {
	if e.Auth.PolicyResults != nil {
		return !e.Auth.PolicyResults.Allowed
	}
	return strings.Contains(e.Error, "permission denied") || strings.Contains(e.Error, "invalid token") ||
		strings.Contains(e.Error, "missing client token")
}

// reason is the error in one line, without the list that Vault's multierror makes of it.
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
