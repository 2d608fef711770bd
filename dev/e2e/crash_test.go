package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crash is one kill of the plugin's process.
type crash struct {
	at        time.Time
	recovered reading // the first that began with the process gone, and succeeded
}

func TestCrashesOfThePluginFailNoReadOnceVaultHasRestartedIt(t *testing.T) {
	t.Parallel()
	const readers = 8
	e, _ := prepared(t)
	load := startLoad(t, "itwin/token/viewer", time.Millisecond, clientsOf(t, e.server, readers)...)
	load.waitRead(t, 10*time.Second, "the first read", time.Time{}, succeeded)
	crashes := make([]crash, 100)
	for i := range crashes {
		crashes[i].at = time.Now()
		require.Equal(t, 1, e.server.KillPlugin(t, e.plugin))
		crashes[i].recovered = load.waitRead(t, 10*time.Second, "a read after the crash", time.Now(), succeeded)
	}
	readings := load.stop()
	requireNoLateFailure(t, readings, crashes)
	requireValidTokens(t, readings)
	require.Equal(t, 2, e.ims.Exchanges(), "tokens come back from storage")
}

// requireNoLateFailure allows reads to fail from a crash until Vault has noticed it and started the plugin anew. That
// time is Vault's own: a reader who tries again within it fails again.
func requireNoLateFailure(t *testing.T, readings []reading, crashes []crash) {
	t.Helper()
	failed := 0
	for _, r := range readings {
		if r.err == nil {
			continue
		}
		failed++
		next := slices.IndexFunc(crashes, func(c crash) bool { return c.at.After(r.end) })
		if next < 0 {
			next = len(crashes)
		}
		require.Positivef(t, next, "a read failed before any crash: %v", r.err)
		require.Falsef(t, r.start.After(crashes[next-1].recovered.end), "a read failed although the plugin was back: %v", r.err)
	}
	outages := make([]time.Duration, 0, len(crashes))
	for _, c := range crashes {
		outages = append(outages, c.recovered.end.Sub(c.at))
	}
	slices.Sort(outages)
	t.Logf("%d crashes, %d reads, %d failed; back after %s in the median, %s at most",
		len(crashes), len(readings), failed, outages[len(outages)/2], outages[len(outages)-1])
}

func requireValidTokens(t *testing.T, readings []reading) {
	t.Helper()
	for _, r := range readings {
		if r.err == nil {
			require.NotEmpty(t, r.token.AccessToken)
			require.Positive(t, r.token.left(r.end), "an expired token was handed out")
		}
	}
}
