package inquiry

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// maxMounts bounds the list of mounts.
const maxMounts = 1000

// basis is what all questions share.
type basis struct {
	window    Window
	wrappings *wrappings
	timeline  *timeline
	log       Log
	mounts    map[string]bool
	hashed    bool // some token_id is shown as an HMAC
}

func newBasis(window Window) basis {
	return basis{window: window, wrappings: newWrappings(), timeline: newTimeline(), mounts: make(map[string]bool)}
}

func (b *basis) observe(e auditlog.Event) {
	b.log.Events++
	if b.log.First.IsZero() || e.Time.Before(b.log.First) {
		b.log.First = e.Time
	}
	if e.Time.After(b.log.Last) {
		b.log.Last = e.Time
	}
	if e.Mount != "" && len(b.mounts) < maxMounts {
		b.mounts[e.Mount] = true
	}
	if e.Kind == auditlog.Read && strings.HasPrefix(e.Token.ID, auditlog.HashPrefix) {
		b.hashed = true
	}
	b.wrappings.observe(e)
}

// answer fills in what all answers have.
func (b *basis) answer(question, subject string) Answer {
	b.log.Mounts = slices.Sorted(maps.Keys(b.mounts))
	a := Answer{
		Question: question, Subject: subject, Since: b.window.Since, Until: b.window.Until,
		Timeline: b.timeline.drawn(), Log: b.log, Sections: []Section{},
	}
	if b.log.Events == 0 {
		a.Notes = append(a.Notes, "No entry of a mount of type "+auditlog.PluginName+
			". If the plugin is registered under another name, or Vault is older than 1.14, name the mount: --mount itwin")
	}
	if more := b.wrappings.more; more > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("Of the wrapped reads and unwrappings, %d are too many to follow, and the unwrappings "+
			"among them are missing here. Ask again of fewer files at a time.", more))
	}
	return a
}
