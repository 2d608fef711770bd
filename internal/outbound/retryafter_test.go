package outbound

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfterIsReadAgainstTheAnswersOwnDate(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }
	cases := []struct {
		name, value, date string
		want              time.Duration
	}{
		{"absent", "", "", 0},
		{"seconds", "30", "", 30 * time.Second},
		{"more than five minutes", "3600", "", 5 * time.Minute},
		{"more than fits a number", "99999999999999999999999", "", 5 * time.Minute},
		{"negative seconds", "-5", "", 0},
		{"a fraction", "1.5", "", 0},
		{"words", "soon", "", 0},
		{"a date after the answer's own", at(time.Hour + time.Minute), at(time.Hour), time.Minute},
		{"a date before the answer's own", at(-time.Minute), at(time.Hour), 0},
		{"a date without the answer's own", at(time.Minute), "", time.Minute},
		{"a date next to one that can't be read", at(time.Minute), "today", time.Minute},
		{"a date far away", at(48 * time.Hour), at(0), 5 * time.Minute},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Retry-After": {c.value}, "Date": {c.date}}
			require.Equal(t, c.want, RetryAfter(header, noon))
		})
	}
}
