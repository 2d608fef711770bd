package inquiry

import (
	"cmp"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// Tokens asks which tokens one reader received, and through which roles.
type Tokens struct {
	basis

	reader string
	tokens *rows
	others *rows
}

// NewTokens asks for the tokens of a reader, named by entity ID, display name, user, AppRole
// or service account.
func NewTokens(scope Scope, reader string) *Tokens {
	return &Tokens{basis: newBasis(scope), reader: reader, tokens: newRows(maxHolders), others: newRows(maxRows)}
}

// Add takes an event.
func (t *Tokens) Add(e auditlog.Event) {
	if e.Kind == auditlog.Unreadable && e.Reader.Name != auditlog.UnknownReader && !e.Reader.Is(t.reader) {
		return // another reader's
	}
	t.observe(e)
	if !e.Reader.Is(t.reader) || !t.scope.contains(e) {
		return
	}
	switch e.Kind {
	case auditlog.Read:
		t.hold(e)
	case auditlog.Unwrapped, auditlog.Rewrapped, auditlog.Unreadable:
		// The first two are handled at the end, when it is known what was wrapped.
	default:
		t.addOther(e)
	}
}

// addOther counts everything but received tokens.
func (t *Tokens) addOther(e auditlog.Event) {
	t.others.add(Subject{
		Kind: e.Kind, Mount: e.Mount, Operation: e.Operation, Path: e.Path, Address: e.Address,
		TokenID: e.Token.ID, Detail: e.Detail,
	}, e)
	t.timeline.add(e)
}

func (t *Tokens) hold(e auditlog.Event) {
	t.tokens.add(Subject{
		Kind: e.Kind, Mount: e.Mount, Role: roleOf(e), Policies: e.Reader.Policies, Address: e.Address, TokenID: e.Token.ID,
	}, e)
	t.timeline.add(e)
}

// Answer lists the tokens.
func (t *Tokens) Answer(read auditlog.Stats) Answer {
	for _, u := range t.close(read) {
		switch {
		case !u.Reader.Is(t.reader) || !t.scope.contains(u.Event):
		case u.Kind == auditlog.Rewrapped:
			t.addOther(u.Event)
		default:
			u.Token.ID = cmp.Or(u.Token.ID, HiddenToken)
			t.hold(u.Event)
		}
	}
	if t.hashed {
		t.note("This log shows token IDs as HMACs: the same HMAC means the same token. " +
			"To log IDs in the clear from now on, tune the mount: see itwin-audit tokens -h.")
	}
	a := t.answer("tokens", "tokens received by "+t.reader,
		t.tokens.byTime("tokens", "Tokens received"), t.others.byTime("others", "Other requests by this reader"))
	a.Found = len(t.tokens.of)+len(t.others.of) > 0
	return a
}
