package itwin

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStatusShowsAppsAndRoles(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.begun = noon()
	e.mustWrite("role/viewer", nil)
	e.mustWrite("role/idle", fields{keyScopes: "itwins:read"})
	e.clock.advance(time.Minute)
	e.token("token/viewer")
	id := e.mustRead("token").Data[keyTokenID]

	all, app, viewer := e.status("viewer")
	require.Equal(t, "v1.2.3", all[keyVersion])
	require.EqualValues(t, 60, all[keyUptime])
	require.Equal(t, "2026-11-23T12:00:00Z", all[keyCountedSince])
	require.Equal(t, true, all[keyWrites])
	require.Equal(t, "fresh", all[keyState])
	want := fields{
		keyState: "fresh", keyScope: "itwin-platform", keyTokenID: id,
		keyMintedAt: "2026-11-23T12:00:00Z", keyRotatesAt: "2026-11-23T12:30:00Z", keyExpiresAt: "2026-11-23T13:00:00Z",
		keyReads: int64(2), keyDegradedReads: int64(0), keyFailedReads: int64(0), keyCoalesced: int64(0),
		keyExchanges: int64(1), keyFailures: map[string]any{}, keyClientID: "service-test", keySecretAge: int64(60),
	}
	require.Equal(t, want, app)
	delete(want, keyClientID)
	delete(want, keySecretAge)
	want[keyReads], want[keyConfig] = int64(1), "config"
	require.Equal(t, want, viewer)
	_, _, idle := e.status("idle")
	require.Equal(t, "idle", idle[keyState])
}

func TestStatusOfAnEmptyMountIsIdle(t *testing.T) {
	t.Parallel()
	all, _, _ := newEnv(t).status("")
	require.Equal(t, "idle", all[keyState])
	require.Empty(t, all[keyApps])
	require.Empty(t, all[keyRoles])
}
