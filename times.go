package itwin

import (
	"strings"
	"time"
)

// timestamp is RFC 3339 in whole seconds, UTC.
func timestamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// timestampOfDue is rounded up: whoever comes then doesn't come too early.
func timestampOfDue(t time.Time) string { return timestamp(t.Add(time.Second - time.Nanosecond)) }

// short prints 1h0m0s as 1h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
