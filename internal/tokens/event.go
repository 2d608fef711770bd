package tokens

import "vault-plugin-secrets-itwin/internal/scopes"

// EventKind is what happened to the token for a set of scopes.
type EventKind int

// The kinds of events.
const (
	Minted     EventKind = iota // Token was made from Grant; it ended Failure, if there was one
	Repeated                    // Grant brought Token again, the one held; Failure as with Minted
	MintFailed                  // Failure says why
	Loaded                      // Token came from the store
	NotLoaded                   // Err says why the store could not be read
	NotStored                   // Err says why Token could not be stored
)

// Event is what the observer of a pool is told.
type Event struct {
	Kind    EventKind
	Scopes  scopes.Set
	Token   *Token
	Grant   *Grant
	Failure *Failure
	Err     error
}
