package auditlog

import (
	"slices"
	"strings"
	"time"
)

// The paths on Vault's own mounts where what was wrapped comes out.
const (
	unwrapPath = "sys/wrapping/unwrap"
	rewrapPath = "sys/wrapping/rewrap"
	// cubbyholePath is where Vault keeps it. Reading it there with the wrapping's token is deprecated, and works.
	cubbyholePath = "cubbyhole/response"
	// wrappingPolicy is the only one of a wrapping's token.
	wrappingPolicy = "response-wrapping"
)

// holder stands for the reader where a wrapping's own token made the request: Vault then knows nobody.
const holder = "(whoever held the wrapping)"

// longestWrapping, in seconds, is more than a wrapping may last.
const longestWrapping = 100 * 365 * 24 * 60 * 60

func (e *entry) path() string { return strings.TrimPrefix(e.Request.Path, e.Request.Namespace.Path) }

// opens tells whether the request was to open a wrapping. To all others, cubbyhole/response
// is a place like any other in a cubbyhole of their own.
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

// opening is the event of a wrapping that was opened, unless what came out shows to be
// no iTwin token.
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

// making is the event as one that made a wrapping.
func (v Event) making(kind Kind, made wrapInfo) Event {
	v.Kind, v.Made = kind, some(made.Token, made.Accessor)
	if made.TTL > 0 && made.TTL < longestWrapping {
		v.Until = v.Time.Add(time.Duration(made.TTL) * time.Second)
	}
	return v
}

// opened are the HMACs that may name the wrapping. A token of Vault's has a longer and a
// shorter form, both of which are good, and only the longer is logged where a wrapping is
// made. The accessor is the same with both; but of a wrapping in the body, the log has none.
func (e *entry) opened() []string {
	if token := e.Request.Data.Token; token != "" && e.path() != cubbyholePath {
		return []string{token}
	}
	return some(e.Auth.ClientToken, e.Request.ClientToken, e.Auth.Accessor)
}

// some are the strings that aren't empty.
func some(of ...string) []string {
	return slices.DeleteFunc(of, func(s string) bool { return s == "" })
}
