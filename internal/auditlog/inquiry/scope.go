package inquiry

import (
	"slices"
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// Scope is the part of a log that is asked about. A zero time is an open end, and no mounts
// means all mounts.
type Scope struct {
	Since, Until time.Time
	Mounts       []string // as auditlog.MountPath has them
}

// contains reports whether an event is in the scope. One on an unknown mount may be.
func (s Scope) contains(e auditlog.Event) bool {
	return s.spans(e.Time) && (e.Mount == "" || s.covers(e.Mount))
}

// spans reports whether a time is in the scope, ends included. An unknown time may be.
func (s Scope) spans(t time.Time) bool {
	return t.IsZero() || (s.Since.IsZero() || !t.Before(s.Since)) && (s.Until.IsZero() || !t.After(s.Until))
}

func (s Scope) covers(mount string) bool {
	return len(s.Mounts) == 0 || slices.Contains(s.Mounts, mount)
}

// split divides a log's mounts into those in the scope and others, and returns the mounts
// of the scope that the log has no entry for.
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
