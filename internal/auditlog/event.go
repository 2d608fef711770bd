package auditlog

import "time"

// Kind says what an entry of the log recorded.
type Kind string

// The kinds of events. Reads of config, roles and status that went well are no events.
const (
	// Read is a token handed out.
	Read Kind = "read"
	// Wrapped is a token put into a response wrapping. The log doesn't say which token it was.
	Wrapped Kind = "wrapped"
	// Unwrapped is a token taken out of a wrapping. The log hides all its fields, tuned or not, or
	// even that it is a token: then Token is empty, and it may be anything that was wrapped.
	Unwrapped Kind = "unwrapped"
	// Rewrapped is what was in a wrapping, whatever it is, put into another one, unseen.
	Rewrapped Kind = "rewrapped"
	// Rotated is a token minted on request, and not handed out by that.
	Rotated Kind = "rotated"
	// ConfigChanged is a config written or deleted.
	ConfigChanged Kind = "config changed"
	// RoleChanged is a role written or deleted.
	RoleChanged Kind = "role changed"
	// Denied is a request that Vault's policies refused, or that came without a good Vault token.
	Denied Kind = "denied"
	// Failed is a request that was allowed and didn't succeed.
	Failed Kind = "failed"
	// Unreadable is a damaged entry that is of a mount, or may be: all that is left of it.
	Unreadable Kind = "unreadable"
)

// Event is one entry of the log. All its strings may have been chosen by whoever
// made the request, and none is longer than a KiB.
type Event struct {
	Time      time.Time // of the years 1 to 9999, in UTC; zero if an unreadable entry has lost it
	Kind      Kind
	Operation string // Vault's: read, create, update, patch, delete, list
	Mount     string // with its namespace and a slash at the end; empty if the entry names none
	Path      string // within the mount, such as token/viewer
	Role      string // empty for the default app's own token
	Reader    Reader
	Address   string // the caller's, as Vault saw it
	Token     Token
	// Made and Opened are the HMACs that may name the wrapping that was made, and the one that was opened.
	Made, Opened []string
	// Until is when the wrapping that was made can't be opened any more, zero if the log doesn't say.
	Until time.Time
	// Detail is why a request was denied or failed, where the log shows it.
	Detail string
}

// Reader is who made a request.
type Reader struct {
	Name     string // display name and, where it says more, the name in the login's metadata
	Login    string // the name in the login's metadata alone: user, AppRole, service account
	Display  string // display name alone
	Entity   string // entity id; empty for root and for tokens without an identity
	Policies string // those that granted the request, else all of the caller's
}

// Is tells whether a person who writes name means this reader.
func (r Reader) Is(name string) bool {
	name = shortened(name)
	return name != "" && (name == r.Entity || name == r.Name || name == r.Login || name == r.Display)
}

// Token is what the log shows of a token.
type Token struct {
	ID      string // token_id, or its HMAC where the mount isn't tuned to show it
	Access  string // HMAC of the token itself
	Scope   string // empty unless shown
	Expires time.Time
}
