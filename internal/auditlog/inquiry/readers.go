package inquiry

import (
	"fmt"
	"slices"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// Readers asks who was handed one token.
type Readers struct {
	basis

	ids     []string
	holders *rows
	origin  *rows
	roles   map[place]bool // where the token was read
	access  map[string]bool
}

type place struct{ mount, role string }

// NewReaders asks for the readers of the token with an id. The log may show the id
// as an HMAC: the ids are all names that the token may have there, the plain one first.
func NewReaders(window Window, ids ...string) *Readers {
	return &Readers{
		basis: newBasis(window), ids: ids, holders: newRows(maxHolders), origin: newRows(maxRows),
		roles: make(map[place]bool), access: make(map[string]bool),
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
		r.access[e.Token.Access] = true
		r.roles[place{e.Mount, e.Role}] = true
		r.hold(e)
	case auditlog.Rotated:
		r.roles[place{e.Mount, e.Role}] = true
		r.originate(e)
	default:
		// An unwrapping waits for the end, when the log has told where its wrapping was made.
	}
}

func (r *Readers) hold(e auditlog.Event) {
	if !r.window.contains(e.Time) {
		return
	}
	r.holders.add(Subject{
		Kind: e.Kind, Mount: e.Mount, Role: roleOf(e), Reader: e.Reader.Name, Entity: e.Reader.Entity,
		Policies: e.Reader.Policies, Address: e.Address,
	}, e)
	r.timeline.add(e)
}

func (r *Readers) originate(e auditlog.Event) {
	if r.window.contains(e.Time) {
		r.origin.add(Subject{
			Kind: e.Kind, Mount: e.Mount, Role: roleOf(e), Reader: e.Reader.Name, Entity: e.Reader.Entity, Address: e.Address,
		}, e)
		r.timeline.add(e)
	}
}

// Answer lists the readers.
func (r *Readers) Answer() Answer {
	opened, unopened := r.wrappings.unwrappings()
	for _, u := range opened {
		if !r.access[u.Token.Access] && !slices.Contains(r.ids, u.Token.ID) {
			continue
		}
		r.hold(u.Event)
		if u.made != nil {
			r.originate(*u.made)
		}
	}
	a := r.answer("readers", "readers of the token with token_id "+r.ids[0])
	a.Sections = append(a.Sections, r.holders.byTime("readers", "Handed the token"),
		r.origin.byTime("origin", "Minted or wrapped it, without being handed it"))
	a.Found = len(a.Sections[0].Rows) > 0
	a.Notes = append(a.Notes, r.notes(unopened, a.Found)...)
	return a
}

func (r *Readers) notes(unopened []auditlog.Event, found bool) []string {
	var notes []string
	if r.hashed && len(r.ids) == 1 {
		notes = append(notes, "Entries of this log show token ids as HMACs. Add --vault to ask Vault for this token's. "+
			"To see ids in clear from now on, tune the mount; `itwin-audit readers -h` tells how.")
	}
	unknown := 0
	for _, e := range unopened {
		if r.window.contains(e.Time) && (r.roles[place{e.Mount, e.Role}] || !found) {
			unknown++
		}
	}
	if unknown > 0 {
		notes = append(notes, fmt.Sprintf("%d wrapped reads were never unwrapped in this log; it can't tell which token they hold.", unknown))
	}
	if len(r.ids) == 1 && len(r.wrappings.opened) > 0 && !found {
		notes = append(notes, "The log always hides the token of an unwrapping. Add --vault to find it there.")
	}
	return notes
}
