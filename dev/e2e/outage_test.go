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

// Tokens of 12 s rotate after 6 s, are renewed from 1.5 s before that on, and are handed out until 1.2 s before they expire.
const (
	briefLife = 12 * time.Second
	rotation  = briefLife / 2
	reserve   = briefLife / 10
)

// What reads may take that a valid token in memory can serve, whatever happens around them. The second is for the few that
// give IMS a grace of a second, or that a busy machine holds up.
const (
	slow    = 200 * time.Millisecond // all but one in twenty
	slowest = 1500 * time.Millisecond
)

// outage is a way in which IMS fails for some time under load.
type outage struct {
	fault emulator.Fault
	down  bool // in place of the fault
	lasts time.Duration
	// reaches says whether it outlives the tokens there are, so that readers fail.
	reaches bool
}

func outages() map[string]outage {
	const long = briefLife + 2*time.Second
	return map[string]outage{
		"down":     {down: true, lasts: long, reaches: true},
		"refusing": {fault: emulator.Fault{Error: "invalid_client"}, lasts: long, reaches: true},
		"slow":     {fault: emulator.Fault{Delay: 4 * time.Second}, lasts: long},
		"in maintenance for less than a token's life": {
			fault: emulator.Fault{Status: http.StatusServiceUnavailable}, lasts: rotation,
		},
	}
}

// TestReadersGetATokenAsLongAsThereIsOneWhileIMSIs has all outages at once, each of an IMS and a mount of its own.
func TestReadersGetATokenAsLongAsThereIsOneWhileIMSIs(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	type victims struct {
		*load

		ended time.Time // the outage
	}
	all := make(map[string]victims)
	for name, o := range outages() {
		ims, path := startIMS(t), mountAnother(t, e)
		ims.SetLifetime(briefLife)
		e.mustWrite(path+"/config", app(ims, nil))
		load := startLoad(t, path+"/token", 20*time.Millisecond, clientsOf(t, e.server, 4)...)
		load.waitRead(t, 10*time.Second, time.Time{}, succeeded)
		if o.down {
			require.NoError(t, ims.Down())
		}
		ims.Fault(o.fault)
		all[name] = victims{load, time.Now().Add(o.lasts)}
		time.AfterFunc(o.lasts, func() {
			ims.Heal()
			_ = ims.Up() // if it stays down, no reader gets a new token
		})
	}
	for name, v := range all {
		t.Run(name, func(t *testing.T) {
			v.waitRead(t, 40*time.Second, v.ended, func(r reading) bool { return r.err == nil && len(r.token.warnings) == 0 })
			took, failed := judge(t, v.stop())
			require.Less(t, took[len(took)*95/100], slow, "reads waited although there was a token")
			require.Equal(t, outages()[name].reaches, failed > 0, "whether readers were failed")
		})
	}
}

// mountAnother mounts the plugin once more, so that no test shares more than the process with another.
func mountAnother(t *testing.T, e *env) string {
	t.Helper()
	path := "mount-" + uuid.NewString()
	vaulttest.Mount(t, e.root, e.plugin, path)
	return path
}

// judge checks each read that a token could have served which an earlier read had got: it may neither fail nor wait. It
// returns how long these took, in order, and how many other reads failed.
func judge(t *testing.T, readings []reading) (took []time.Duration, failed int) {
	t.Helper()
	ended := slices.SortedFunc(slices.Values(readings), func(a, b reading) int { return a.end.Compare(b.end) })
	slices.SortFunc(readings, func(a, b reading) int { return a.start.Compare(b.start) })
	var best int64 // the latest expiry that was handed out before a read began
	for _, r := range readings {
		for ; ended[0].end.Before(r.start); ended = ended[1:] {
			best = max(best, ended[0].token.ExpiresAtUnix)
		}
		if left := time.Unix(best, 0).Sub(r.start); left > reserve+slowest {
			took = append(took, r.took())
			require.NoErrorf(t, r.err, "a read failed while there was a token valid for %s", left)
		} else if r.err != nil {
			failed++
		}
		if r.err == nil {
			require.Positive(t, r.token.left(r.end), "an expired token was handed out")
		}
	}
	require.NotEmpty(t, took)
	slices.Sort(took)
	t.Logf("%d reads, %d failed with no token left; the others took %s in the median, %s at most",
		len(readings), failed, took[len(took)/2], took[len(took)-1])
	require.Less(t, took[len(took)-1], slowest, "a read waited although there was a token")
	return took, failed
}
