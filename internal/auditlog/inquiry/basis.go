package inquiry

import (
	"fmt"
	"strings"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

// basis is what all questions share.
type basis struct {
	scope      Scope
	wrappings  *wrappings
	timeline   *timeline
	unreadable *rows
	log        Log
	notes      []string
	hashed     bool // the log shows a token_id as an HMAC
}

func newBasis(scope Scope) basis {
	return basis{scope: scope, wrappings: newWrappings(), timeline: newTimeline(), unreadable: newRows(maxRows)}
}

// observe takes every event, including those outside the scope, to distinguish wrappings
// made on this mount from those made on another.
func (b *basis) observe(e auditlog.Event) {
	b.wrappings.observe(e)
	switch {
	case e.Kind == auditlog.Unreadable:
		b.lose(e)
		return
	case e.Mount == "" || !b.scope.covers(e.Mount):
		return // unwrappings are counted at the end, when their mounts are known
	}
	b.count(e)
	if e.Kind == auditlog.Read && strings.HasPrefix(e.Token.ID, auditlog.HashPrefix) {
		b.hashed = true
	}
}

// lose counts an unreadable entry.
func (b *basis) lose(e auditlog.Event) {
	if !b.scope.contains(e) {
		return
	}
	b.log.Unreadable++
	b.unreadable.add(Subject{
		Kind: e.Kind, Mount: e.Mount, Reader: e.Reader.Name, Entity: e.Reader.Entity, Policies: e.Reader.Policies, Address: e.Address,
		Operation: e.Operation, Path: e.Path, Detail: e.Detail,
	}, e)
}

func (b *basis) count(e auditlog.Event) {
	b.log.Events++
	if b.log.First.IsZero() || e.Time.Before(b.log.First) {
		b.log.First = e.Time
	}
	if e.Time.After(b.log.Last) {
		b.log.Last = e.Time
	}
}

// close takes the statistics of the logs once all events are in, and returns the unwrappings
// that may belong to the mounts asked about, at any time.
func (b *basis) close(read auditlog.Stats) []unwrapping {
	asked, others, missing := b.scope.split(read.Mounts)
	b.log.Stats, b.log.Mounts = read, asked
	var some []unwrapping
	unplaced := 0
	for _, u := range b.wrappings.close(b.scope) {
		switch {
		case u.Mount == "" && len(asked) == 0 && len(missing) > 0:
			unplaced++
		case u.Mount == "" || b.scope.covers(u.Mount):
			b.count(u.Event)
			some = append(some, u)
		}
	}
	b.noteMounts(others, missing, unplaced)
	b.noteMissing()
	return some
}

// noteMissing describes what might also have answered the question.
func (b *basis) noteMissing() {
	if more := b.wrappings.more; more > 0 {
		b.note("There are too many wrapped reads and unwrappings to follow. Left out: %d; unwrappings among them are missing here. "+
			"Run the command on fewer files at a time.", more)
	}
	if n := b.log.Unreadable; n > 0 {
		b.note("This answer doesn't cover %s that may belong to these mounts.",
			words.Count(n, "unreadable line"))
	}
}

// noteMounts names mounts that the log has no entries for, and says what to type instead.
func (b *basis) noteMounts(others, missing []string, unplaced int) {
	switch {
	case len(b.log.Mounts) == 0 && len(missing) == 0:
		b.note("The log has no entry for a mount of type %s. If the plugin is registered under another name, or Vault is older "+
			"than 1.14, name the mount: --mount itwin", auditlog.PluginName)
	case len(missing) > 0 && len(others) > 0:
		b.note("The log has no entry for %s. Other mounts of the plugin in this log: %s",
			strings.Join(missing, " or "), strings.Join(others, ", "))
	case len(missing) > 0:
		b.note("The log has no entry for %s or any other mount of the plugin.", strings.Join(missing, " or "))
	}
	if unplaced > 0 {
		b.note("Without --mount, this answer also includes unwrappings whose wrapping is not in this log: %d.", unplaced)
	}
}

func (b *basis) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// answer fills in what all answers have in common.
func (b *basis) answer(question, subject string, sections ...Section) Answer {
	if b.log.Unreadable > 0 {
		sections = append([]Section{b.unreadable.byTime("unreadable", "Unreadable")}, sections...)
	}
	return Answer{
		Question: question, Subject: subject, Since: b.scope.Since, Until: b.scope.Until,
		Incomplete: b.log.Unreadable > 0 || b.wrappings.more > 0,
		Timeline:   b.timeline.drawn(), Log: b.log, Sections: sections, Notes: b.notes,
	}
}
