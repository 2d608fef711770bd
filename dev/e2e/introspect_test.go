package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestIntrospectKnowsItsOwnTokensAcrossARotationOfKeys(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{})
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", nil)
	mine := e.mustToken("itwin/token/viewer")
	found := e.mustWrite("itwin/introspect", fields{"token": "Bearer " + mine.AccessToken}).Data
	require.Equal(t, true, found["active"])
	require.Equal(t, mine.ID, found["token_id"])
	require.Equal(t, []any{"config"}, found["apps"])
	require.Equal(t, []any{"viewer"}, found["roles"])

	require.NoError(t, e.ims.RotateKey())
	expired, err := e.ims.Sign(map[string]any{"iss": e.ims.URL(), "client_id": clientID, "exp": 1})
	require.NoError(t, err)
	e.server.Restart(t) // a process that has fetched no keys yet
	found = e.mustWrite("itwin/introspect", fields{"token": expired}).Data
	require.Equal(t, false, found["active"])
	require.Equal(t, "it has expired", found["reason"])
	require.Equal(t, true, e.mustWrite("itwin/introspect", fields{"token": mine.AccessToken}).Data["active"], "its key is still published")
	require.NotContains(t, e.server.Log(t), mine.AccessToken)
}
