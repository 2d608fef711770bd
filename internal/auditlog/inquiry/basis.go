package inquiry

import (
	"fmt"
	"strings"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

// basis is what all questions share.
type basis struct {
	scope     Scope
	wrappings *wrappings
	timeline  *timeline
	log       Log
	notes     []string
	hashed    bool // some token_id is shown as an HMAC
}

func newBasis(scope Scope) basis {
	return basis{scope: scope, wrappings: newWrappings(), timeline: newTimeline()}
}

// observe takes each event, those beyond the scope as well: what was wrapped on
// another mount isn't of this one.
func (b *basis) observe(e auditlog.Event) {
	b.wrappings.observe(e)
	if e.Kind == auditlog.Unwrapped || !b.scope.covers(e.Mount) {
		return // unwrappings are counted in the end, when their mounts are known
	}
	b.count(e)
	if e.Kind == auditlog.Read && strings.HasPrefix(e.Token.ID, auditlog.HashPrefix) {
		b.hashed = true
	}
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

// close takes the figures of the logs, once all events are in, and returns the
// unwrappings that may be of the mounts asked about, whenever they were.
func (b *basis) close(read auditlog.Stats) []unwrapping {
	asked, others, missing := b.scope.split(read.Mounts)
	b.log.Stats, b.log.Mounts = read, asked
	var some []unwrapping
	unplaced := 0
	for _, u := range b.wrappings.unwrappings() {
		switch {
		case u.Mount == "" && len(asked) == 0 && len(missing) > 0:
			unplaced++
		case u.Mount == "" || b.scope.covers(u.Mount):
			b.count(u.Event)
			some = append(some, u)
		}
	}
	b.noteMounts(others, missing, unplaced)
	if more := b.wrappings.more; more > 0 {
		b.note("There are too many wrapped reads and unwrappings to follow. Left out: %d; the unwrappings among them are missing here. "+
			"Ask again of fewer files at a time.", more)
	}
	return some
}

// noteMounts says where no answer can come from, and what to type instead.
func (b *basis) noteMounts(others, missing []string, unplaced int) {
	switch {
	case len(b.log.Mounts) == 0 && len(missing) == 0:
		b.note("No entry of a mount of type %s. If the plugin is registered under another name, or Vault is older than 1.14, "+
			"name the mount: --mount itwin", auditlog.PluginName)
	case len(missing) > 0 && len(others) > 0:
		b.note("No entry is of %s. Other mounts of the plugin in this log: %s", strings.Join(missing, " or "), strings.Join(others, ", "))
	case len(missing) > 0:
		b.note("No entry is of %s, nor of another mount of the plugin.", strings.Join(missing, " or "))
	}
	if unplaced > 0 {
		b.note("Without --mount, this answer also tells of %s whose wrapping isn't in this log.", words.Count(unplaced, "unwrapping"))
	}
}

func (b *basis) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// answer fills in what all answers have.
func (b *basis) answer(question, subject string) Answer {
	return Answer{
		Question: question, Subject: subject, Since: b.scope.Since, Until: b.scope.Until,
		Timeline: b.timeline.drawn(), Log: b.log, Sections: []Section{}, Notes: b.notes,
	}
}
