package inquiry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

func TestTimelineHasAStepThatFitsItsSpan(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for span, want := range map[time.Duration]string{
		0:                    "1 second",
		40 * time.Second:     "1 second",
		4 * 61 * time.Second: "5 seconds",
		14 * time.Minute:     "15 seconds",
		50 * time.Minute:     "1 minute",
		70 * time.Minute:     "5 minutes",
		3 * time.Hour:        "5 minutes",
		12 * time.Hour:       "15 minutes",
		day:                  "1 hour",
		2 * day:              "1 hour",
		7 * day:              "6 hours",
		30 * day:             "1 day",
		365 * day:            "1 week",
		3 * 365 * day:        "4 weeks",
		200 * 365 * day:      "256 weeks",
		59 * time.Second:     "1 second",
		61 * time.Second:     "5 seconds",
		59*7*day - time.Hour: "1 week",
	} {
		t.Run(span.String(), func(t *testing.T) {
			t.Parallel()
			const events = 1000
			begin := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
			q := inquiry.NewSummary(inquiry.Scope{})
			for i := range events {
				e := read("kim", "t", 0)
				e.Time = begin.Add(span / (events - 1) * time.Duration((i*7)%events)) // in no order
				q.Add(e)
			}
			drawn := q.Answer(auditlog.Stats{}).Timeline
			require.Equal(t, want, drawn.Step)
			require.LessOrEqual(t, drawn.Buckets, 60)
			if span >= 15*time.Second {
				require.GreaterOrEqual(t, drawn.Buckets, 12)
			}
			require.False(t, drawn.Start.After(begin))
			require.True(t, drawn.At(1).After(begin), "the first event is in the first step")
			require.False(t, drawn.At(drawn.Buckets-1).After(begin.Add(span)), "the last one is in the last")
			sum := 0
			for bucket, n := range drawn.Lanes[0].Counts {
				require.Less(t, bucket, drawn.Buckets)
				sum += n
			}
			require.Equal(t, []int{events, events}, []int{sum, drawn.Lanes[0].Total})
		})
	}
}

func TestWeeksOfATimelineBeginOnMonday(t *testing.T) {
	t.Parallel()
	for _, year := range []int{1, 1960, 1970, 2026, 9000} {
		q := inquiry.NewSummary(inquiry.Scope{})
		for day := range 400 {
			e := read("kim", "t", 0)
			e.Time = time.Date(year, 3, 1+day, 12, 0, 0, 0, time.UTC)
			q.Add(e)
		}
		drawn := q.Answer(auditlog.Stats{}).Timeline
		require.Equal(t, "1 week", drawn.Step)
		require.Equal(t, time.Monday, drawn.Start.Weekday())
		for bucket := 1; bucket < drawn.Buckets-1; bucket++ {
			require.Equal(t, 7, drawn.Lanes[0].Counts[bucket])
		}
	}
}
