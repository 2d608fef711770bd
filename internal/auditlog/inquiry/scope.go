package inquiry

import (
	"slices"
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// Scope is the part of a log that is asked about. A zero time is an open end, and no
// mounts are all of them.
type Scope struct {
	Since, Until time.Time
	Mounts       []string // as auditlog.MountPath has them
}

// contains is true for an event whose mount isn't known, too: it may be one of these.
func (s Scope) contains(e auditlog.Event) bool {
	return s.spans(e.Time) && (e.Mount == "" || s.covers(e.Mount))
}

// spans tells whether a time is within the scope, its ends included. An unknown one may be.
func (s Scope) spans(t time.Time) bool {
	return t.IsZero() || (s.Since.IsZero() || !t.Before(s.Since)) && (s.Until.IsZero() || !t.After(s.Until))
}

func (s Scope) covers(mount string) bool {
	return len(s.Mounts) == 0 || slices.Contains(s.Mounts, mount)
}

// split parts a log's mounts into those of the scope and others, and tells which of
// the scope's own the log has no entry of.
func (s Scope) split(mounts []string) (asked, others, missing []string) {
	asked = []string{}
	for _, mount := range mounts {
		if s.covers(mount) {
			asked = append(asked, mount)
		} else {
			others = append(others, mount)
		}
	}
	for _, mount := range s.Mounts {
		if !slices.Contains(asked, mount) {
			missing = append(missing, mount)
		}
	}
	return asked, others, missing
}
