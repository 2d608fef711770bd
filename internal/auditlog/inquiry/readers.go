package inquiry

import (
	"slices"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

// Readers asks who was handed one token.
type Readers struct {
	basis

	ids     []string
	holders *rows
	origin  *rows
	places  map[place]bool  // where the token was read or minted
	access  map[string]bool // the HMACs of the token itself, one for each audit device
}

type place struct{ mount, role string }

// NewReaders asks for the readers of the token with an id. The log may show the id
// as an HMAC: the ids are all names that the token may have there, the plain one first.
func NewReaders(scope Scope, ids ...string) *Readers {
	return &Readers{
		basis: newBasis(scope), ids: ids, holders: newRows(maxHolders), origin: newRows(maxRows),
		places: make(map[place]bool), access: make(map[string]bool),
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
		remember(r.places, place{e.Mount, e.Role})
		r.hold(e)
	case auditlog.Rotated:
		remember(r.places, place{e.Mount, e.Role})
		r.originate(e)
	default:
		// An unwrapping waits for the end, when the log has told where its wrapping was made.
	}
}

func remember[K comparable](set map[K]bool, key K) {
	if len(set) < maxRows {
		set[key] = true
	}
}

func (r *Readers) hold(e auditlog.Event) {
	if !r.scope.contains(e) {
		return
	}
	r.holders.add(Subject{
		Kind: e.Kind, Mount: e.Mount, Role: roleOf(e), Reader: e.Reader.Name, Entity: e.Reader.Entity,
		Policies: e.Reader.Policies, Address: e.Address,
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
		if !r.access[u.Token.Access] && !slices.Contains(r.ids, u.Token.ID) {
			continue
		}
		r.hold(u.Event)
		if u.made != nil {
			r.originate(*u.made)
		}
	}
	found := len(r.holders.of) > 0
	r.noteUnknown(found)
	a := r.answer("readers", "readers of the token with token_id "+r.ids[0])
	a.Found = found
	a.Sections = append(a.Sections, r.holders.byTime("readers", "Handed the token"),
		r.origin.byTime("origin", "Minted or wrapped it, without being handed it"))
	return a
}

// noteUnknown says what this log can't tell of the token.
func (r *Readers) noteUnknown(found bool) {
	if r.hashed && len(r.ids) == 1 {
		r.note("Entries of this log show token ids as HMACs. Add --vault to ask Vault for this token's. " +
			"To see ids in clear from now on, tune the mount; `itwin-audit readers -h` tells how.")
	}
	unknown := 0
	for _, e := range r.wrappings.unopened() {
		if r.scope.contains(e) && (r.places[place{e.Mount, e.Role}] || !found) {
			unknown++
		}
	}
	if unknown > 0 {
		r.note("This log can't tell which token is in a wrapping that nobody opened: %s.", words.Count(unknown, "wrapped read"))
	}
	if len(r.ids) == 1 && len(r.wrappings.opened) > 0 && !found {
		r.note("The log always hides the token of an unwrapping. Add --vault to find it there.")
	}
}
