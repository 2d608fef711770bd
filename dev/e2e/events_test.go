package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// Only Vault Enterprise lets anyone subscribe; the events themselves go to the bus of every Vault.
func TestVaultTakesTheEventsThatItIsSent(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", nil)
	e.mustWrite("itwin/rotate/viewer", nil)
	e.mustDelete("itwin/role/viewer")
	e.mustDelete("itwin/config")
	e.server.Stop()
	log := e.server.Log(t)
	require.Contains(t, log, "config deleted")
	require.NotContains(t, log, "accept events")
}
