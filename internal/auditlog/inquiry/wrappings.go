package inquiry

import (
	"maps"
	"slices"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

const (
	maxWrappings = 10_000
	maxTokens    = 50_000 // a year of three roles
)

// wrappings joins what the log tells in pieces. A wrapped read names no token, and an
// unwrapping no role and only HMACs; but both hold the wrapping's HMAC, and plain reads
// of the same token hold the same HMAC of access_token.
type wrappings struct {
	made   map[string]auditlog.Event // by the wrapping's HMAC
	opened []auditlog.Event
	ids    map[string]string // token_id by the HMAC of access_token
	more   int
}

func newWrappings() *wrappings {
	return &wrappings{made: make(map[string]auditlog.Event), ids: make(map[string]string)}
}

func (w *wrappings) observe(e auditlog.Event) {
	switch {
	case e.Kind == auditlog.Read && e.Token.Access != "":
		w.learn(e.Token)
	case e.Kind == auditlog.Wrapped && len(w.made) < maxWrappings:
		w.made[e.Wrappings[0]] = e
	case e.Kind == auditlog.Unwrapped && len(w.opened) < maxWrappings:
		w.opened = append(w.opened, e)
	case e.Kind == auditlog.Wrapped || e.Kind == auditlog.Unwrapped:
		w.more++
	}
}

func (w *wrappings) learn(t auditlog.Token) {
	if _, known := w.ids[t.Access]; known || len(w.ids) < maxTokens {
		w.ids[t.Access] = t.ID
	}
}

// unwrapping is an unwrapping with all that the log tells of it, and the read that was wrapped.
type unwrapping struct {
	auditlog.Event

	made *auditlog.Event // nil if the log doesn't hold it
}

// unwrappings are all of them, with mount, role and token id filled in where known.
func (w *wrappings) unwrappings() []unwrapping {
	all := make([]unwrapping, 0, len(w.opened))
	for _, e := range w.opened {
		u := unwrapping{Event: e}
		for _, hash := range e.Wrappings {
			if made, ok := w.made[hash]; ok && hash != "" {
				u.made, u.Mount, u.Role = &made, made.Mount, made.Role
			}
		}
		if id, ok := w.ids[e.Token.Access]; ok {
			u.Token.ID = id
		}
		all = append(all, u)
	}
	return all
}

// unopened are the wrapped reads that nobody unwrapped.
func (w *wrappings) unopened() []auditlog.Event {
	left := maps.Clone(w.made)
	for _, e := range w.opened {
		for _, hash := range e.Wrappings {
			delete(left, hash)
		}
	}
	return slices.Collect(maps.Values(left))
}
