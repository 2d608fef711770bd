package tokens

// EventKind is what happened to the token of a set of scopes.
type EventKind int

// The kinds of events.
const (
	Minted      EventKind = iota // Token was made of Grant; Failure is the one it ended, if any
	MintFailed                   // Failure says why
	Loaded                       // Token came from the store
	StoreFailed                  // Err says why; Token is the one that was to be saved, if any
)

// Event is told to the observer of a pool.
type Event struct {
	Kind    EventKind
	Scope   string
	Token   *Token
	Grant   *Grant
	Failure *Failure
	Err     error
}
