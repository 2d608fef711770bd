package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestCheckCanBeReadByThoseWhoMayNotReadTokens(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.ims.SetApp(emulator.App{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"itwin-platform"},
		ITwins: map[string][]string{"bridge": {"imodels_read"}},
	})
	e.configure(nil)
	operator := e.server.User(t, "operator", `path "itwin/check" { capabilities = ["read"] }`)
	_, err := operator.Logical().Read("itwin/token")
	requireStatus(t, err, http.StatusForbidden)

	good, err := operator.Logical().ReadWithData("itwin/check", map[string][]string{"itwin_id": {"bridge"}})
	require.NoError(t, err)
	require.Equal(t, true, good.Data["ok"])
	require.Equal(t, []any{"imodels_read"}, good.Data["permissions"])
	require.Equal(t, clientID+"@apps.imsoidc.bentley.com", good.Data["app_email"])
	require.NotContains(t, fmt.Sprint(good.Data), "eyJ", "what every JWT begins with")

	foreign, err := operator.Logical().ReadWithData("itwin/check", map[string][]string{"itwin_id": {"elsewhere"}})
	require.NoError(t, err)
	require.Equal(t, "permissions", foreign.Data["failed_stage"])
	require.Contains(t, foreign.Data["hint"], "invite "+clientID+"@apps.imsoidc.bentley.com")
}
