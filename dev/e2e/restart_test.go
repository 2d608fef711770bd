package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// prepared is a Vault whose config, role and tokens are in storage.
func prepared(t *testing.T, opts vaulttest.Options) (e *env, first token) {
	t.Helper()
	e = newEnv(t, opts)
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	first = e.mustToken("itwin/token/viewer")
	return e, first
}

// TestRestartedVaultGoesOnWithTheSameTokenWhileIMSIsDown has readers all the time. They may fail until the interruption is
// over: a crash of the plugin lasts until Vault has noticed it.
func TestRestartedVaultGoesOnWithTheSameTokenWhileIMSIsDown(t *testing.T) {
	t.Parallel()
	e, first := prepared(t, vaulttest.Options{LogLevel: "info"})
	config, role := e.mustRead("itwin/config").Data, e.mustRead("itwin/role/viewer").Data
	require.NoError(t, e.ims.Down())
	load := startLoad(t, "itwin/token/viewer", 5*time.Millisecond, clientsOf(t, e.server, 4)...)
	var interruptions []window
	survive := func(name string, interrupt func()) {
		began := time.Now()
		interrupt()
		back := load.waitRead(t, 10*time.Second, time.Now(), succeeded)
		interruptions = append(interruptions, window{began, back.end})
		t.Logf("a token %s after a %s", back.end.Sub(began).Round(time.Millisecond), name)
		require.Equal(t, config, e.mustRead("itwin/config").Data, name)
		require.Equal(t, role, e.mustRead("itwin/role/viewer").Data, name)
	}
	for range 10 {
		survive("crash of the plugin", func() { require.Equal(t, 1, e.server.KillPlugin(t, e.plugin)) })
	}
	survive("restart", func() { e.server.Restart(t) })
	survive("power cut", func() { e.server.Kill(); e.server.Restart(t) })
	survive("seal and unseal", func() { e.server.Seal(t); e.server.Unseal(t) })
	survive("reload of the plugin", func() { vaulttest.Reload(t, e.root, e.plugin) })
	load.requireSame(t, first, interruptions...)
}

func TestTokensThatAreNotPersistedAreNowhereInStorage(t *testing.T) {
	t.Parallel()
	e, first := prepared(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	require.Contains(t, e.storage(), "token/", "what is persisted shows that this is where tokens are")
	e.mustPatch("itwin/config", fields{"persist_tokens": false})
	require.NotContains(t, e.storage(), "token/", "what was stored before is gone too")
	e.mustWrite("itwin/rotate/viewer", nil)
	second := e.mustToken("itwin/token/viewer")
	require.NotEqual(t, first.ID, second.ID)
	require.NotContains(t, e.storage(), "token/")

	sent := e.ims.Exchanges()
	vaulttest.Reload(t, e.root, e.plugin)
	require.NotEqual(t, second.ID, e.mustToken("itwin/token/viewer").ID)
	require.Equal(t, sent+1, e.ims.Exchanges())
}

// storage lists the mount's storage keys.
func (e *env) storage() []any {
	e.t.Helper()
	mounts, err := e.root.Sys().ListMounts()
	require.NoError(e.t, err)
	return e.mustList("sys/raw/logical/" + mounts[mount+"/"].UUID)
}

func TestMountsShareAProcessAndNothingElse(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	vaulttest.Mount(t, e.root, e.plugin, "other")
	e.configure(nil)
	e.mustMiss("other/config")
	e.mustWrite("other/config", app(e.ims, fields{"renew_before": "10m"}))
	require.Len(t, e.server.PluginPIDs(t, e.plugin), 1)

	first, other := e.mustToken("itwin/token"), e.mustToken("other/token")
	require.NotEqual(t, first.ID, other.ID)
	e.mustWrite("other/rotate", nil)
	require.NotEqual(t, other.ID, e.mustToken("other/token").ID)
	require.Equal(t, first.ID, e.mustToken("itwin/token").ID)
	require.NoError(t, e.root.Sys().Unmount("other"))
	require.Equal(t, first.ID, e.mustToken("itwin/token").ID)
	require.Len(t, e.server.PluginPIDs(t, e.plugin), 1)
}
