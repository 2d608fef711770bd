package itwin

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestShortDurationsOmitZeroUnits(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second: "1s", 30 * time.Second: "30s", time.Minute: "1m", 90 * time.Second: "1m30s", 10 * time.Minute: "10m",
		time.Hour: "1h", 24 * time.Hour: "24h", time.Hour + 30*time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s",
	} {
		require.Equal(t, want, short(d))
	}
}

func TestDueTimestampsAreRoundedUp(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "2026-11-23T12:00:00Z", time.Nanosecond: "2026-11-23T12:00:01Z", time.Second: "2026-11-23T12:00:01Z",
	} {
		require.Equal(t, want, timestampOfDue(noon().Add(d).In(time.FixedZone("", 3600))))
	}
}
