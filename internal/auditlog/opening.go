package auditlog

import (
	"slices"
	"strings"
	"time"
)

// The paths on Vault's own mounts that return the content of a wrapping.
const (
	unwrapPath = "sys/wrapping/unwrap"
	rewrapPath = "sys/wrapping/rewrap"
	// cubbyholePath is where Vault stores it. Reading it there with the wrapping token is deprecated, but works.
	cubbyholePath = "cubbyhole/response"
	// wrappingPolicy is the only policy of a wrapping token.
	wrappingPolicy = "response-wrapping"
)

// holder is the reader's name if the wrapping token itself made the request, since Vault then has no identity.
const holder = "(holder of the wrapping)"

// longestWrapping, in seconds, is longer than a wrapping can last.
const longestWrapping = 100 * 365 * 24 * 60 * 60

func (e *entry) path() string { return strings.TrimPrefix(e.Request.Path, e.Request.Namespace.Path) }

// opens reports whether the request opened a wrapping. For callers with any other token,
// cubbyhole/response is an ordinary path in their own cubbyhole.
func (e *entry) opens() bool {
	switch e.path() {
	case unwrapPath, rewrapPath:
		return true
	case cubbyholePath:
		return e.heldWrapping()
	}
	return false
}

func (e *entry) heldWrapping() bool { return slices.Equal(e.Auth.Policies, []string{wrappingPolicy}) }

// opening returns the event of a wrapping being opened, unless the log shows that it
// didn't hold an iTwin token.
func (v Event) opening(e *entry) (Event, bool) {
	answer := e.Response.answer()
	v.Mount, v.Path, v.Role, v.Opened = "", e.path(), "", e.opened()
	if e.heldWrapping() {
		v.Reader.Name = holder
	}
	switch {
	case e.denied() || e.reason() != "" || answer.Error != "":
		return Event{}, false
	case e.Response.WrapInfo.Token != "":
		return v.making(Rewrapped, e.Response.WrapInfo), true
	case answer.AccessToken != "" && answer.TokenID != "" && answer.LastVaultRotation != "":
		v.Kind, v.Token = Unwrapped, answer.token()
		return v, true
	}
	v.Kind = Unwrapped
	return v, e.Response.Data == nil || answer.RawBody != "" || answer.Response != ""
}

// making returns the event as one that made a wrapping.
func (v Event) making(kind Kind, made wrapInfo) Event {
	v.Kind, v.Made = kind, nonEmpty(made.Token, made.Accessor)
	if made.TTL > 0 && made.TTL < longestWrapping {
		v.Until = v.Time.Add(time.Duration(made.TTL) * time.Second)
	}
	return v
}

// opened returns the HMACs that may identify the wrapping. A Vault token has a long and a short
// form, both valid, and only the long one is logged when a wrapping is made. The accessor is
// the same for both, but isn't logged for a wrapping named in the body.
func (e *entry) opened() []string {
	if token := e.Request.Data.Token; token != "" && e.path() != cubbyholePath {
		return []string{token}
	}
	return nonEmpty(e.Auth.ClientToken, e.Request.ClientToken, e.Auth.Accessor)
}

// nonEmpty returns the strings that aren't empty.
func nonEmpty(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}
