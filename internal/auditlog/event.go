package auditlog

import "time"

// Kind says what an entry of the log recorded.
type Kind string

// The kinds of events. Successful reads of config, roles and status are not events.
const (
	// Read is a token handed out.
	Read Kind = "read"
	// Wrapped is a token put into a response wrapping. The log doesn't show which token.
	Wrapped Kind = "wrapped"
	// Unwrapped is a token taken out of a wrapping. The log shows only HMACs, even on a tuned mount.
	// If it doesn't even show that it is a token, Token is empty, and it may be any wrapped response.
	Unwrapped Kind = "unwrapped"
	// Rewrapped is the content of a wrapping put into another one, unseen.
	Rewrapped Kind = "rewrapped"
	// Rotated is a token minted on request, which the request doesn't return.
	Rotated Kind = "rotated"
	// ConfigChanged is a config written or deleted.
	ConfigChanged Kind = "config changed"
	// RoleChanged is a role written or deleted.
	RoleChanged Kind = "role changed"
	// Denied is a request refused by Vault's policies, or without a valid Vault token.
	Denied Kind = "denied"
	// Failed is a request that was allowed but did not succeed.
	Failed Kind = "failed"
	// Unreadable is the rest of a damaged entry that is on a mount or may be.
	Unreadable Kind = "unreadable"
)

// Event is one entry of the log. Its strings may be chosen by callers of Vault. None is
// longer than 1 KiB.
type Event struct {
	Time      time.Time // in the years 1 to 9999, UTC; zero if unreadable
	Kind      Kind
	Operation string // Vault's: read, create, update, patch, delete, list
	Mount     string // with its namespace and a trailing slash; empty if unknown
	Path      string // within the mount, such as token/viewer
	Role      string // empty if the default app's token was read without one
	Reader    Reader
	Address   string // the caller's, as Vault saw it
	Token     Token
	// Made and Opened are HMACs that identify the wrapping that was made, and the one that was opened.
	Made, Opened []string
	// Until is when the wrapping that was made expires, zero if the log doesn't say.
	Until time.Time
	// Detail is why a request was denied or failed, if the log shows it.
	Detail string
}

// Reader is who made a request.
type Reader struct {
	Name     string // display name, followed by Login if it adds something
	Login    string // the name in the login's metadata alone: user, AppRole, service account
	Display  string // display name alone
	Entity   string // entity ID; empty for root and for tokens without an identity
	Policies string // the policies that granted the request, or else all of the caller's
}

// Is reports whether name is one of the reader's names.
func (r Reader) Is(name string) bool {
	name = shortened(name)
	return name != "" && (name == r.Entity || name == r.Name || name == r.Login || name == r.Display)
}

// Token is what the log shows about a token.
type Token struct {
	ID      string // token_id, or its HMAC if the mount isn't tuned to show it
	Access  string // HMAC of the token itself
	Scope   string // empty unless shown
	Expires time.Time
}
