package inquiry

import "vault-plugin-secrets-itwin/internal/auditlog"

// Tokens asks which tokens one reader was handed, and what for.
type Tokens struct {
	basis

	reader string
	tokens *rows
	others *rows
}

// NewTokens asks for the tokens of a reader: an entity id, a display name, or the name
// of a user, AppRole or service account.
func NewTokens(window Window, reader string) *Tokens {
	return &Tokens{basis: newBasis(window), reader: reader, tokens: newRows(maxHolders), others: newRows(maxRows)}
}

// Add takes an event.
func (t *Tokens) Add(e auditlog.Event) {
	t.observe(e)
	if !e.Reader.Is(t.reader) || !t.window.contains(e.Time) {
		return
	}
	switch e.Kind {
	case auditlog.Read:
		t.hold(e)
	case auditlog.Unwrapped:
		// It waits for the end, when the log has told what was wrapped.
	default:
		t.others.add(Subject{
			Kind: e.Kind, Mount: e.Mount, Operation: e.Operation, Path: e.Path, Address: e.Address,
			TokenID: e.Token.ID, Detail: e.Detail,
		}, e)
		t.timeline.add(e)
	}
}

func (t *Tokens) hold(e auditlog.Event) {
	t.tokens.add(Subject{
		Kind: e.Kind, Mount: e.Mount, Role: roleOf(e), Policies: e.Reader.Policies, Address: e.Address, TokenID: e.Token.ID,
	}, e)
	t.timeline.add(e)
}

// Answer lists the tokens.
func (t *Tokens) Answer() Answer {
	opened, _ := t.wrappings.unwrappings()
	for _, u := range opened {
		if u.Reader.Is(t.reader) && t.window.contains(u.Time) {
			t.hold(u.Event)
		}
	}
	a := t.answer("tokens", "tokens handed to "+t.reader)
	a.Sections = append(a.Sections, t.tokens.byTime("tokens", "Tokens handed out"),
		t.others.byTime("others", "Everything else this reader did or tried"))
	a.Found = len(a.Sections[0].Rows)+len(a.Sections[1].Rows) > 0
	if t.hashed {
		a.Notes = append(a.Notes, "Entries of this log show token ids as HMACs: the same HMAC is the same token. "+
			"To see ids in clear from now on, tune the mount; `itwin-audit tokens -h` tells how.")
	}
	return a
}
