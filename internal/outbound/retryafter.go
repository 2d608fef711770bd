package outbound

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter is the longest wait that an answer can ask for: a wrong header
// must not stop the engine for a day.
const maxRetryAfter = 5 * time.Minute

// RetryAfter reads the Retry-After header (RFC 9110 section 10.2.3): seconds, or
// a date that counts from the answer's own Date, so that no clocks need agree.
// now stands in for a Date that is absent. What is negative or unreadable
// counts as absent, 0.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	seconds, err := strconv.ParseUint(value, 10, 31)
	switch {
	case err == nil:
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	case errors.Is(err, strconv.ErrRange):
		return maxRetryAfter
	}
	due, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(due.Sub(now), 0), maxRetryAfter)
}
