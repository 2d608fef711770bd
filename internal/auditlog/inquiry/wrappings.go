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

// wrappings matches entries that each show only a part. A wrapped read shows no token, and
// an unwrapping shows no role and only HMACs. But both have the HMACs of the wrapping, and
// plain reads of the same token have the same HMAC of access_token.
type wrappings struct {
	made   []*wrapping
	byHash map[string]*wrapping
	opened []unwrapping
	loose  []auditlog.Event // openings that show a token and whose wrapping isn't known yet
	stray  []auditlog.Event // openings that show none, mostly of other engines' wrappings
	ids    map[string]string
	more   int
}

// wrapping holds a read, in its first wrapping or in a later one.
type wrapping struct {
	read         auditlog.Event // without a Mount if unknown
	since, until time.Time
	opened       bool
}

// unwrapping is an opening, completed from the rest of the log, and the read that was wrapped.
type unwrapping struct {
	auditlog.Event

	made *auditlog.Event // nil if not in the log
}

// hidden reports whether the log doesn't show which token was in the wrapping.
func (u unwrapping) hidden() bool { return u.Token.Access == "" }

// withMaker adds the name of the reader who requested the wrapping, since the reader who
// opened it may be unknown.
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

// add remembers a wrapping of a read.
func (w *wrappings) add(read, into auditlog.Event) {
	switch {
	case w.find(into.Made) != nil: // the log was read twice
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

// find returns the wrapping with any of the hashes, or nil.
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

// join records an opening if its wrapping is known.
func (w *wrappings) join(e auditlog.Event) bool {
	known := w.find(e.Opened)
	if known != nil {
		known.opened = true
		w.open(e, &known.read)
	}
	return known != nil
}

// open records an opening. A rewrapping puts the read into a new wrapping.
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

// close returns all openings once all events are in, with mount, role and token id filled
// in where known. Logs may come in any order, so unknown wrappings are looked up again.
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

// unknown returns the openings whose wrapping still isn't known.
func (w *wrappings) unknown(openings []auditlog.Event) []auditlog.Event {
	var left []auditlog.Event
	for _, e := range openings {
		if !w.join(e) {
			left = append(left, e)
		}
	}
	return left
}

// mayOpen reports whether the opening may be of a wrapping that the log doesn't show being
// opened. A request that names a wrapping by the short form of its token doesn't show
// which one it is.
func (w *wrappings) mayOpen(e auditlog.Event, scope Scope) bool {
	return slices.ContainsFunc(w.made, func(m *wrapping) bool {
		asked := m.read.Mount == "" || scope.covers(m.read.Mount)
		return asked && !m.opened && !e.Time.Before(m.since) && (m.until.IsZero() || !e.Time.After(m.until))
	})
}

// unopened returns the wrapped reads whose wrappings the log doesn't show being opened.
func (w *wrappings) unopened() []auditlog.Event {
	var left []auditlog.Event
	for _, m := range w.made {
		if !m.opened && m.read.Mount != "" {
			left = append(left, m.read)
		}
	}
	return left
}
