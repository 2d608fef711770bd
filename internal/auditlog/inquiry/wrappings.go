package inquiry

import (
	"slices"
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

const (
	maxWrappings = 10_000
	maxTokens    = 50_000 // a year of three roles
)

// wrappings joins what the log tells in pieces. A wrapped read names no token, and an
// unwrapping no role and only HMACs; but both hold the wrapping's HMACs, and plain reads
// of the same token hold the same HMAC of access_token.
type wrappings struct {
	made   []*wrapping
	byHash map[string]*wrapping
	opened []unwrapping
	loose  []auditlog.Event // openings with a token, whose wrapping isn't known so far
	stray  []auditlog.Event // those without one: mostly of other engines' wrappings
	ids    map[string]string
	more   int
}

// wrapping holds a read, in the first wrapping or another that it was put into.
type wrapping struct {
	read         auditlog.Event // without a Mount if it isn't known
	since, until time.Time
	opened       bool
}

// unwrapping is an opening with all that the log tells of it, and the read that was wrapped.
type unwrapping struct {
	auditlog.Event

	made *auditlog.Event // nil if the log doesn't hold it
}

// hidden is true where the log doesn't show which token was in the wrapping.
func (u unwrapping) hidden() bool { return u.Token.Access == "" }

// withMaker is the event with the name of who had the read wrapped: who opened it may be
// known by nothing but the wrapping.
func (u unwrapping) withMaker() auditlog.Event {
	if u.made != nil {
		u.Detail = "wrapped by " + u.made.Reader.Name
	}
	return u.Event
}

func newWrappings() *wrappings {
	return &wrappings{byHash: make(map[string]*wrapping), ids: make(map[string]string)}
}

func (w *wrappings) observe(e auditlog.Event) {
	switch {
	case e.Kind == auditlog.Read && e.Token.Access != "":
		w.learn(e.Token)
	case e.Kind == auditlog.Wrapped:
		w.add(e, e)
	case e.Kind != auditlog.Unwrapped && e.Kind != auditlog.Rewrapped, w.join(e):
	case e.Token.Access != "":
		w.loose = w.keep(w.loose, e)
	default:
		w.stray = w.keep(w.stray, e)
	}
}

func (w *wrappings) learn(t auditlog.Token) {
	if _, known := w.ids[t.Access]; known || len(w.ids) < maxTokens {
		w.ids[t.Access] = t.ID
	}
}

// add remembers what a read was put into.
func (w *wrappings) add(read, into auditlog.Event) {
	switch {
	case w.find(into.Made) != nil: // a log that was read twice
		return
	case len(w.made) >= maxWrappings:
		w.more++
		return
	}
	made := &wrapping{read: read, since: into.Time, until: into.Until}
	w.made = append(w.made, made)
	for _, hash := range into.Made {
		w.byHash[hash] = made
	}
}

// find looks for a wrapping by any of its names.
func (w *wrappings) find(hashes []string) *wrapping {
	for _, hash := range hashes {
		if known := w.byHash[hash]; known != nil {
			return known
		}
	}
	return nil
}

func (w *wrappings) keep(some []auditlog.Event, e auditlog.Event) []auditlog.Event {
	if len(some) >= maxWrappings {
		w.more++
		return some
	}
	return append(some, e)
}

// join takes an opening if its wrapping is known.
func (w *wrappings) join(e auditlog.Event) bool {
	of := w.find(e.Opened)
	if of != nil {
		of.opened = true
		w.open(e, &of.read)
	}
	return of != nil
}

// open takes an opening. What was in the wrapping may be in another one now.
func (w *wrappings) open(e auditlog.Event, read *auditlog.Event) {
	if len(w.opened) >= maxWrappings {
		w.more++
		return
	}
	if e.Kind == auditlog.Rewrapped {
		w.add(*read, e)
	}
	u := unwrapping{Event: e}
	if u.Made, u.Opened = nil, nil; read.Mount != "" {
		u.made, u.Mount, u.Role = read, read.Mount, read.Role
	}
	w.opened = append(w.opened, u)
}

// close returns all openings, once all events are in, with mount, role and token id filled
// in where known. Logs may come in any order, so what was unknown before is looked up again.
func (w *wrappings) close(scope Scope) []unwrapping {
	slices.SortStableFunc(w.stray, func(a, b auditlog.Event) int { return a.Time.Compare(b.Time) })
	unknown := w.unknown(w.stray)
	for _, e := range w.unknown(w.loose) {
		w.open(e, &auditlog.Event{})
	}
	for _, e := range unknown {
		if !w.join(e) && w.mayOpen(e, scope) {
			w.open(e, &auditlog.Event{})
		}
	}
	for i := range w.opened {
		if id, ok := w.ids[w.opened[i].Token.Access]; ok {
			w.opened[i].Token.ID = id
		}
	}
	return w.opened
}

// unknown are the openings whose wrapping isn't known even now.
func (w *wrappings) unknown(openings []auditlog.Event) []auditlog.Event {
	var left []auditlog.Event
	for _, e := range openings {
		if !w.join(e) {
			left = append(left, e)
		}
	}
	return left
}

// mayOpen tells whether a wrapping that nobody is seen to open could be opened then. Who
// names it by its token's shorter form, in a request's body, leaves nothing to know it by.
func (w *wrappings) mayOpen(e auditlog.Event, scope Scope) bool {
	return slices.ContainsFunc(w.made, func(m *wrapping) bool {
		asked := m.read.Mount == "" || scope.covers(m.read.Mount)
		return asked && !m.opened && !e.Time.Before(m.since) && (m.until.IsZero() || !e.Time.After(m.until))
	})
}

// unopened are the wrapped reads that nobody is seen to unwrap.
func (w *wrappings) unopened() []auditlog.Event {
	var left []auditlog.Event
	for _, m := range w.made {
		if !m.opened && m.read.Mount != "" {
			left = append(left, m.read)
		}
	}
	return left
}
