package itwin

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// status returns a status as a whole, and the parts of the default app and of a role.
func (e *env) status(role string) (all, app, ofRole map[string]any) {
	e.t.Helper()
	all = e.mustRead("status").Data
	e.mustHideCanaries(fmt.Sprint(all))
	app, _ = all[keyApps].(map[string]any)["config"].(map[string]any)
	ofRole, _ = all[keyRoles].(map[string]any)[role].(map[string]any)
	return all, app, ofRole
}

func TestStatusFollowsAnOutage(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	e.ims.Fail(http.StatusBadGateway)
	states := []any{}
	for _, d := range []time.Duration{29*time.Minute + 30*time.Second, time.Minute, 30 * time.Minute} {
		e.advance(d)
		_, _ = e.handle(t.Context(), "read", "token", nil)
		e.settle()
		all, app, _ := e.status("")
		require.Equal(t, all[keyState], app[keyState])
		require.Contains(t, app[keyLastFailure], "status 502")
		require.NotEmpty(t, app[keyLastFailureAt])
		require.NotEmpty(t, app[keyNextAttempt])
		states = append(states, app[keyState])
	}
	require.Equal(t, []any{"renewing", "degraded", "failing"}, states)

	e.ims.Work()
	e.advance(time.Minute)
	e.token()
	_, app, _ := e.status("")
	require.Equal(t, "fresh", app[keyState])
	require.Contains(t, app[keyLastFailure], "status 502", "it stays to be read")
	require.NotContains(t, app, keyNextAttempt)
	failures := app[keyFailures].(map[string]any)["unavailable"].(int64)
	require.Equal(t, failures+2, app[keyExchanges])
	require.EqualValues(t, 1, app[keyDegradedReads])
}

func TestStatusOfAStandbySaysThatItDoesNotWrite(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	standby := e.node()
	standby.system.Standby()
	all, app, _ := standby.status("")
	require.Equal(t, false, all[keyWrites])
	require.Equal(t, "idle", app[keyState])
}

func TestStatusShowsWhatCannotBeUsedAsFailing(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.storage.Plant(t, "config/bad", "canary{")
	e.mustWrite("role/lost", fields{keyApp: "bad"})
	all, _, lost := e.status("lost")
	require.Equal(t, "failing", all[keyState])
	require.Equal(t, unusable(errDamagedConfig).data(), lost)
	require.Equal(t, unusable(errDamagedConfig).data(), all[keyApps].(map[string]any)["config/bad"])
	for _, prefix := range []string{"config/", "role/"} {
		e.storage.Fail(opList, prefix)
		status, _ := e.mustFailRead("status")
		require.Equal(t, http.StatusInternalServerError, status)
	}
}
