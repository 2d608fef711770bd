package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// What reads may take that need no exchange. The second is for the few that a busy machine holds up; it is still less
// than a slow IMS would.
const (
	slow    = 200 * time.Millisecond // all but one in twenty
	slowest = 1500 * time.Millisecond
)

// urgentRetry is the longest pause between exchanges while readers come who have no usable token.
const urgentRetry = 5 * time.Second

// outage is a way in which IMS fails for some time under load.
type outage struct {
	fault emulator.Fault
	down  bool // in place of the fault
	lasts time.Duration
	// lifetime is 12 s by default: tokens rotate after 6 s, are renewed 1.5 s before that, and are handed out until 1.2 s
	// before they expire.
	lifetime time.Duration
	// reaches says whether it outlives the tokens there are, so that readers fail.
	reaches bool
	// gap is the least time between two exchanges that it asks for.
	gap time.Duration
	// resent says that it breaks connections: a request on one that was idle is sent once more, on a new one.
	resent bool
}

func outages() map[string]outage {
	return map[string]outage{
		"down":         {down: true, lasts: 16 * time.Second, reaches: true},
		"breaking off": {fault: emulator.Fault{DropConnection: true}, lasts: 16 * time.Second, reaches: true, resent: true},
		"in maintenance for less than a token's life": {
			fault: emulator.Fault{Status: http.StatusServiceUnavailable}, lasts: 6 * time.Second,
		},
		"slow": {
			// A renewal begins 2.5 s ahead of the rotation then, and so is done in time.
			fault: emulator.Fault{Delay: 2 * time.Second}, lasts: 20 * time.Second, lifetime: 20 * time.Second,
		},
		"limiting the rate": {
			fault: emulator.Fault{RetryAfter: 3 * time.Second}, lasts: 16 * time.Second, reaches: true, gap: 3 * time.Second,
		},
		"failing every other time": {fault: emulator.Fault{Every: 2, Status: http.StatusBadGateway}, lasts: 16 * time.Second},
		"refusing":                 {fault: emulator.Fault{Error: "invalid_client"}, lasts: 16 * time.Second, reaches: true},
	}
}

func (o outage) begin(t *testing.T, ims *emulator.Emulator) {
	t.Helper()
	if o.down {
		require.NoError(t, ims.Down())
		return
	}
	ims.Fault(o.fault)
}

func TestReadersGetATokenAsLongAsThereIsOneWhileIMSIs(t *testing.T) {
	t.Parallel()
	// Tests that run beside each other share the server, each with an IMS of its own. The server ends with the last.
	e := newEnv(t, vaulttest.Options{})
	for name, o := range outages() {
		if o.lifetime == 0 {
			o.lifetime = 12 * time.Second
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endure(t, e.in(t), o)
		})
	}
}

func endure(t *testing.T, e *env, o outage) {
	t.Helper()
	ims, path := startIMS(t), mountAnother(t, e)
	ims.SetLifetime(o.lifetime)
	e.mustWrite(path+"/config", app(ims, nil))
	load := startLoad(t, path+"/token", 20*time.Millisecond, clientsOf(t, e.server, 8)...)
	load.waitRead(t, 10*time.Second, "the first read", time.Time{}, succeeded)

	began := time.Now()
	o.begin(t, ims)
	time.Sleep(o.lasts)
	ended := time.Now()
	ims.Heal()
	require.NoError(t, ims.Up())
	load.waitRead(t, 40*time.Second, "a new token after the outage", ended, func(r reading) bool {
		return r.err == nil && len(r.token.warnings) == 0
	})
	readings := load.stop()
	judge(t, readings, o)
	judgeExchanges(t, ims.ExchangeTimes(), o, began, ended)
	if first, failed := firstFailure(readings); failed && !o.down { // nothing that is down counts exchanges
		judgeRetries(t, ims.ExchangeTimes(), first, ended)
	}
}

// mountAnother mounts the plugin once more, so that no test shares more than the process with another.
func mountAnother(t *testing.T, e *env) string {
	t.Helper()
	path := "mount-" + uuid.NewString()
	vaulttest.Mount(t, e.root, e.plugin, path)
	return path
}

// judge looks at every read for what could have been served.
func judge(t *testing.T, readings []reading, o outage) {
	t.Helper()
	slices.SortFunc(readings, func(a, b reading) int { return a.end.Compare(b.end) })
	var (
		best   int64 // the latest expiry handed out so far, which every later read can be served with
		failed int
		took   []time.Duration
	)
	for _, r := range readings {
		available := time.Unix(best, 0).Sub(r.end) > o.lifetime/10
		if available {
			took = append(took, r.took())
			require.NoErrorf(t, r.err, "a read failed while there was a token good for %s", time.Unix(best, 0).Sub(r.end))
		}
		if r.err != nil {
			failed++
			continue
		}
		require.Positive(t, r.token.left(r.end), "an expired token was handed out")
		best = max(best, r.token.ExpiresAtUnix)
	}
	slices.Sort(took)
	median, most, longest := took[len(took)/2], took[len(took)*95/100], took[len(took)-1]
	t.Logf("%d reads, %d failed with no token left; the others took %s in the median, %s in 95 %%, %s at most",
		len(readings), failed, median, most, longest)
	require.Less(t, most, slow, "reads waited although there was a token")
	require.Less(t, longest, slowest, "a read waited although there was a token")
	require.Equal(t, o.reaches, failed > 0, "whether readers were failed")
}

// judgeExchanges compares the attempts during the outage with the rule: they back off from 1 s to 30 s, at least half of
// that at random, but to 5 s at most while readers fail, and never sooner than IMS asked for.
func judgeExchanges(t *testing.T, arrivals []time.Time, o outage, began, ended time.Time) {
	t.Helper()
	attempts := slices.DeleteFunc(arrivals, func(at time.Time) bool { return at.Before(began) || at.After(ended) })
	if o.resent {
		attempts = slices.CompactFunc(attempts, func(a, b time.Time) bool { return a.Sub(b).Abs() < 500*time.Millisecond })
	}
	backoff := time.Second
	for i := 1; i < len(attempts); i++ {
		gap := attempts[i].Sub(attempts[i-1])
		require.GreaterOrEqualf(t, gap+50*time.Millisecond, max(backoff, o.gap), "attempts %d and %d of the outage", i, i+1)
		if o.reaches {
			backoff = min(2*backoff, urgentRetry)
		}
	}
	t.Logf("%d exchanges in %s", len(attempts), o.lasts)
	require.LessOrEqual(t, len(attempts), 6, "more exchanges than the retry rule allows")
}

// firstFailure is when the first reader failed, of readings in the order of their ends.
func firstFailure(readings []reading) (time.Time, bool) {
	i := slices.IndexFunc(readings, func(r reading) bool { return r.err != nil })
	if i < 0 {
		return time.Time{}, false
	}
	return readings[i].end, true
}

// judgeRetries wants no longer pause than the rule allows, from the first reader who failed to the end of the outage.
func judgeRetries(t *testing.T, arrivals []time.Time, from, ended time.Time) {
	t.Helper()
	last := from
	for _, at := range append(slices.Clone(arrivals), ended) {
		if at.After(from) && !at.After(ended) {
			require.Less(t, at.Sub(last), urgentRetry+time.Second, "a pause between exchanges while readers fail")
			last = at
		}
	}
}
