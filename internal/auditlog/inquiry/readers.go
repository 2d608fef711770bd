package inquiry

import (
	"slices"
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

// Readers asks who received one token.
type Readers struct {
	basis

	ids     []string
	holders *rows
	maybe   *rows // opened a wrapping that may have held it
	origin  *rows
	mounts  map[string]bool // where the token was read or minted
	access  map[string]bool // the HMACs of the token itself, one for each audit device
	expires time.Time
}

// longestLife is the longest lifetime of a token that the engine accepts.
const longestLife = 24 * time.Hour

// NewReaders asks for the readers of one token. ids are the token_id, and possibly the
// HMAC of it that the log shows instead.
func NewReaders(scope Scope, ids ...string) *Readers {
	return &Readers{
		basis: newBasis(scope), ids: ids, holders: newRows(maxHolders), maybe: newRows(maxHolders), origin: newRows(maxRows),
		mounts: make(map[string]bool), access: make(map[string]bool),
	}
}

// Add takes an event.
func (r *Readers) Add(e auditlog.Event) {
	r.observe(e)
	if !slices.Contains(r.ids, e.Token.ID) {
		return
	}
	switch e.Kind {
	case auditlog.Read:
		remember(r.access, e.Token.Access)
		remember(r.mounts, e.Mount)
		r.expires = e.Token.Expires
		r.hold(r.holders, e)
	case auditlog.Rotated:
		remember(r.mounts, e.Mount)
		r.originate(e)
	default:
		// Unwrappings are handled at the end, when it is known where their wrappings were made.
	}
}

func remember(set map[string]bool, key string) {
	if len(set) < maxRows {
		set[key] = true
	}
}

func (r *Readers) hold(in *rows, e auditlog.Event) {
	if !r.scope.contains(e) {
		return
	}
	in.add(Subject{
		Kind: e.Kind, Mount: e.Mount, Role: roleOf(e), Reader: e.Reader.Name, Entity: e.Reader.Entity,
		Policies: e.Reader.Policies, Address: e.Address, Detail: e.Detail,
	}, e)
	r.timeline.add(e)
}

func (r *Readers) originate(e auditlog.Event) {
	if r.scope.contains(e) {
		r.origin.add(Subject{
			Kind: e.Kind, Mount: e.Mount, Role: roleOf(e), Reader: e.Reader.Name, Entity: e.Reader.Entity, Address: e.Address,
		}, e)
		r.timeline.add(e)
	}
}

// Answer lists the readers.
func (r *Readers) Answer(read auditlog.Stats) Answer {
	for _, u := range r.close(read) {
		switch {
		case u.hidden():
			if r.mayBeOf(u.made) {
				r.hold(r.maybe, u.withMaker())
			}
		case r.access[u.Token.Access] || slices.Contains(r.ids, u.Token.ID):
			r.hold(r.holders, u.Event)
			if u.made != nil {
				r.originate(*u.made)
			}
		}
	}
	found := len(r.holders.of) > 0
	r.noteUnknown(found)
	a := r.answer("readers", "readers of the token with token_id "+r.ids[0],
		r.holders.byTime("readers", "Received the token"),
		r.maybe.byTime("maybe", "May have received it: opened a wrapping whose token the log doesn't show"),
		r.origin.byTime("origin", "Rotated to it or wrapped it, without receiving it"))
	a.Found = found || len(r.maybe.of) > 0
	return a
}

// mayBeOf reports whether a wrapped read may have returned the token. The role doesn't
// matter, since roles can share tokens.
func (r *Readers) mayBeOf(read *auditlog.Event) bool {
	switch {
	case read == nil:
		return true
	case len(r.mounts) > 0 && !r.mounts[read.Mount]:
		return false
	}
	return r.expires.IsZero() || !read.Time.After(r.expires) && read.Time.After(r.expires.Add(-longestLife))
}

// noteUnknown describes what this log can't show about the token.
func (r *Readers) noteUnknown(found bool) {
	if r.hashed && len(r.ids) == 1 {
		r.note("This log shows token IDs as HMACs. Add --vault to ask Vault for the HMAC of this token. " +
			"To log IDs in the clear from now on, tune the mount: see itwin-audit readers -h.")
	}
	unknown := 0
	for _, e := range r.wrappings.unopened() {
		if r.scope.contains(e) && r.mayBeOf(&e) {
			unknown++
		}
	}
	if unknown > 0 {
		r.note("This log doesn't show what is in wrappings that nobody opened: %s.", words.Count(unknown, "wrapped read"))
	}
	shown := func(u unwrapping) bool { return !u.hidden() }
	if len(r.ids) == 1 && slices.ContainsFunc(r.wrappings.opened, shown) && !found {
		r.note("The log always shows unwrapped tokens as HMACs. Add --vault to find this one among them.")
	}
}
