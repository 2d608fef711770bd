package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const olderVersion = "v0.0.1-older"

// TestUpgradeAndDowngradeFailNoReadAndKeepAllThereIs makes the requests of the operations page's commands, more often.
func TestUpgradeAndDowngradeFailNoReadAndKeepAllThereIs(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	older := vaulttest.Build(t, olderVersion)
	e.server.Register(t, older)
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	before, exchanges := e.kept(), e.ims.Exchanges()
	shared := startLoad(t, "itwin/token", 5*time.Millisecond, clientsOf(t, e.server, 4)...)
	viewers := startLoad(t, "itwin/token/viewer", 5*time.Millisecond, clientsOf(t, e.server, 4)...)
	var took []time.Duration
	for range 4 {
		took = append(took, e.move(olderVersion), e.move(e.plugin.Version))
	}
	t.Logf("reloads took %v", took)
	slices.Sort(took)
	require.Less(t, took[len(took)/2], time.Second)
	require.Equal(t, before, e.kept())
	require.Equal(t, exchanges, e.ims.Exchanges())
	shared.requireSame(t, before.tokens[0])
	viewers.requireSame(t, before.tokens[1])
	e.moveDuringRotation(olderVersion)
	before, exchanges = e.kept(), e.ims.Exchanges()
	e.move(e.plugin.Version)
	e.refuseDamaged(older)
	require.Equal(t, before, e.kept())
	require.Equal(t, exchanges, e.ims.Exchanges())
}

// moveDuringRotation reloads while IMS makes a rotation wait. The reload waits for it, and its token is the shared one.
func (e *env) moveDuringRotation(version string) {
	e.t.Helper()
	const delay = 2 * time.Second
	exchanges := e.ims.Exchanges()
	e.ims.Fault(emulator.Fault{Delay: delay})
	defer e.ims.Heal()
	rotated, asked := make(chan error, 1), time.Now()
	go func() {
		_, err := e.root.Logical().Write("itwin/rotate", nil)
		rotated <- err
	}()
	vaulttest.Wait(e.t, delay, "the rotation to begin", func() error {
		if e.ims.Exchanges() == exchanges {
			return errNotYet
		}
		return nil
	})
	e.move(version)
	require.NoError(e.t, <-rotated)
	require.Greater(e.t, time.Since(asked), delay, "the reload didn't wait for IMS")
	issued := e.ims.Issued()
	require.Equal(e.t, issued[len(issued)-1].SHA256, e.mustToken("itwin/token").ID)
	require.Equal(e.t, exchanges+1, e.ims.Exchanges())
}

// refuseDamaged moves to a version whose file was changed after it was registered: the reload fails, and the mount keeps the
// version that it runs.
func (e *env) refuseDamaged(damaged vaulttest.Plugin) {
	e.t.Helper()
	plugins := e.mustRead("sys/config/state/sanitized").Data["plugin_directory"].(string)
	require.NoError(e.t, os.WriteFile(filepath.Join(plugins, filepath.Base(damaged.Path)), []byte("damaged"), 0o700))
	e.mustWrite("sys/mounts/"+mount+"/tune", fields{"plugin_version": damaged.Version})
	_, err := e.root.Logical().Write("sys/plugins/reload/secret/"+e.plugin.Name, fields{"scope": "global"})
	require.ErrorContains(e.t, err, "checksums did not match")
	require.Equal(e.t, e.plugin.Version, e.mustRead(mount + "/status").Data["version"])
}

// move has the mount run another version, by the requests that the page's commands make, and returns how long the reload
// took.
func (e *env) move(version string) time.Duration {
	e.t.Helper()
	e.mustWrite("sys/mounts/"+mount+"/tune", fields{"plugin_version": version})
	began := time.Now()
	e.mustWrite("sys/plugins/reload/secret/"+e.plugin.Name, fields{"scope": "global"})
	took := time.Since(began).Round(time.Millisecond)
	require.Equal(e.t, version, e.mustRead(mount + "/status").Data["version"])
	return took
}

// kept is what a change of version has to leave as it is.
type kept struct {
	config, role  map[string]any
	roles, stored []any
	tokens        []token
}

func (e *env) kept() kept {
	e.t.Helper()
	k := kept{
		config: e.mustRead("itwin/config").Data, role: e.mustRead("itwin/role/viewer").Data,
		roles: e.mustList("itwin/role"), stored: e.storage(),
	}
	for _, path := range []string{"itwin/token", "itwin/token/viewer"} {
		got := e.mustToken(path)
		got.TTL = 0 // counts down
		k.tokens = append(k.tokens, got)
	}
	return k
}
