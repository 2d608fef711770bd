package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// prepared is a Vault whose config, role and tokens are in storage.
func prepared(t *testing.T) (e *env, first token) {
	t.Helper()
	e = newEnv(t, vaulttest.Options{})
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	first = e.mustToken("itwin/token/viewer")
	return e, first
}

func TestRestartedVaultGoesOnWithTheSameTokenWhileIMSIsDown(t *testing.T) {
	t.Parallel()
	e, first := prepared(t)
	config, role := e.mustRead("itwin/config").Data, e.mustRead("itwin/role/viewer").Data
	require.NoError(t, e.ims.Down())
	for name, interrupt := range map[string]func(){
		"restart":          func() { e.server.Restart(t) },
		"power cut":        func() { e.server.Kill(); e.server.Restart(t) },
		"seal and unseal":  func() { e.server.Seal(t); e.server.Unseal(t) },
		"reload of plugin": func() { vaulttest.Reload(t, e.root, e.plugin) },
	} {
		interrupt()
		require.Equal(t, first.ID, e.mustToken("itwin/token/viewer").ID, name)
		require.Equal(t, config, e.mustRead("itwin/config").Data, name)
		require.Equal(t, role, e.mustRead("itwin/role/viewer").Data, name)
	}
}

func TestPluginComesBackFromACrashWithTheSameToken(t *testing.T) {
	t.Parallel()
	e, first := prepared(t)
	require.NoError(t, e.ims.Down())
	for range 5 {
		require.Equal(t, 1, e.server.KillPlugin(t, e.plugin))
		// Reads fail until Vault has noticed; the next one starts the plugin again.
		vaulttest.Wait(t, 5*time.Second, "the plugin to be back", func() error {
			got, err := readToken(t.Context(), e.root, "itwin/token/viewer")
			if err == nil {
				require.Equal(t, first.ID, got.ID)
			}
			return err
		})
	}
}

func TestTokensThatAreNotPersistedAreNowhereInStorage(t *testing.T) {
	t.Parallel()
	e, first := prepared(t)
	require.Contains(t, e.storageOf(mount), "token/", "what is persisted shows that this is where tokens are")
	e.mustPatch("itwin/config", fields{"persist_tokens": false})
	require.NotContains(t, e.storageOf(mount), "token/", "what was stored before is gone too")
	e.mustWrite("itwin/rotate/viewer", nil)
	second := e.mustToken("itwin/token/viewer")
	require.NotEqual(t, first.ID, second.ID)
	require.NotContains(t, e.storageOf(mount), "token/")

	sent := e.ims.Exchanges()
	e.server.Restart(t)
	require.NotEqual(t, second.ID, e.mustToken("itwin/token/viewer").ID)
	require.Equal(t, sent+1, e.ims.Exchanges())
}

// storageOf lists a mount's storage keys.
func (e *env) storageOf(path string) []any {
	e.t.Helper()
	mounts, err := e.root.Sys().ListMounts()
	require.NoError(e.t, err)
	return e.mustList("sys/raw/logical/" + mounts[path+"/"].UUID)
}

func TestMountsShareAProcessAndNothingElse(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
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
