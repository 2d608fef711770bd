package itwin

import (
	"strings"
	"time"
)

// timestamp formats t as RFC 3339 in UTC, in whole seconds.
func timestamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// timestampOfDue rounds up, so that a client that waits until then isn't early.
func timestampOfDue(t time.Time) string { return timestamp(t.Add(time.Second - time.Nanosecond)) }

// short formats 1h0m0s as 1h.
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
