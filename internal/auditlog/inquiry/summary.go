package inquiry

import (
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// maxReaders limits the readers that are remembered to recognize new ones.
const maxReaders = 100_000

// Summary asks what happened in a span of time.
type Summary struct {
	basis

	reads, wrapped, denied, changes *rows

	failed failures

	seen map[identity]auditlog.Event // the first time each reader received a token
	more int
}

// identity identifies a reader by entity, which Vault assigns, or else by name.
type identity struct{ entity, name string }

func identify(r auditlog.Reader) identity {
	if r.Entity == "" {
		return identity{name: r.Name}
	}
	return identity{entity: r.Entity}
}

// NewSummary asks for a summary of the scope. Readers that appear before it are not new.
func NewSummary(scope Scope) *Summary {
	return &Summary{
		basis: newBasis(scope), seen: make(map[identity]auditlog.Event), reads: newRows(maxRows), wrapped: newRows(maxRows),
		denied: newRows(maxRows), failed: newFailures(), changes: newRows(maxRows),
	}
}

// Add takes an event.
func (s *Summary) Add(e auditlog.Event) {
	s.observe(e)
	if e.Kind == auditlog.Read && s.scope.covers(e.Mount) {
		s.remember(e)
	}
	if !s.scope.contains(e) {
		return
	}
	e.Token.Expires = time.Time{} // rows count reads of many tokens
	who := Subject{Mount: e.Mount, Reader: e.Reader.Name, Entity: e.Reader.Entity}
	switch e.Kind {
	case auditlog.Read:
		who.Role, who.Policies = roleOf(e), e.Reader.Policies
		s.reads.add(who, e)
	case auditlog.Wrapped:
		who.Kind, who.Role, who.Address = e.Kind, roleOf(e), e.Address
		s.wrapped.add(who, e)
	case auditlog.Unwrapped, auditlog.Rewrapped, auditlog.Unreadable:
		return // the first two are handled at the end, when it is known what was wrapped
	case auditlog.Denied:
		who.Address, who.Operation, who.Path, who.Detail = e.Address, e.Operation, e.Path, e.Detail
		s.denied.add(who, e)
	case auditlog.Failed:
		s.failed.add(e)
	default:
		who.Kind, who.Address, who.Operation, who.Path = e.Kind, e.Address, e.Operation, e.Path
		s.changes.add(who, e)
	}
	s.timeline.add(e)
}

// remember keeps a reader's first read. Logs may come in any order.
func (s *Summary) remember(e auditlog.Event) {
	e.Token = auditlog.Token{} // only the other questions need it
	who := identify(e.Reader)
	first, known := s.seen[who]
	switch {
	case !known && len(s.seen) >= maxReaders:
		s.more++
	case !known || e.Time.Before(first.Time):
		s.seen[who] = e
	}
}

// Answer returns the summary.
func (s *Summary) Answer(read auditlog.Stats) Answer {
	for _, u := range s.close(read) {
		if u.Kind == auditlog.Unwrapped {
			s.remember(u.Event)
		}
		if s.scope.contains(u.Event) {
			s.wrapped.add(Subject{
				Kind: u.Kind, Mount: u.Mount, Role: roleOf(u.Event), Reader: u.Reader.Name, Entity: u.Reader.Entity, Address: u.Address,
			}, u.Event)
			s.timeline.add(u.Event)
		}
	}
	sections := append(s.newReaders(),
		s.denied.byTime("denied", "Denied"), s.failed.byTime("failed", "Failed"),
		s.changes.byTime("changes", "Changes to config, roles and tokens"), s.wrapped.byTime("wrapped", "Wrapped and unwrapped"),
		s.reads.byCount("reads", "Reads by role and reader"))
	a := s.answer("summary", "summary "+s.span(), sections...)
	for _, section := range sections {
		a.Found = a.Found || len(section.Rows) > 0
	}
	return a
}

// newReaders lists the new readers. That needs a log that starts before the scope.
func (s *Summary) newReaders() []Section {
	if s.scope.Since.IsZero() || !s.log.First.Before(s.scope.Since) {
		s.note("New readers can't be listed, because the log doesn't start before the summary does. Add older files.")
		return nil
	}
	fresh := newRows(maxRows)
	for _, e := range s.seen {
		if s.scope.spans(e.Time) {
			fresh.add(Subject{
				Reader: e.Reader.Name, Entity: e.Reader.Entity, Policies: e.Reader.Policies, Address: e.Address,
			}, e)
		}
	}
	fresh.more += s.more
	return []Section{fresh.byTime("new_readers", "New readers")}
}

func (s *Summary) span() string {
	words := "from the start of the log"
	if since := s.scope.Since; !since.IsZero() {
		words = "from " + since.UTC().Format(minutes)
	}
	if until := s.scope.Until; !until.IsZero() {
		return words + " to " + until.UTC().Format(minutes)
	}
	return words
}

// minutes is the layout of times in a subject.
const minutes = "2006-01-02 15:04 UTC"
