package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestConfigIsCreatedReadPatchedUpdatedListedAndDeleted(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	for _, path := range []string{"itwin/config", "itwin/config/second"} {
		e.mustMiss(path)
		e.mustWrite(path, app(e.ims, fields{"renew_before": "20m"}))
		want := map[string]any{
			"client_id": clientID, "scopes": "itwin-platform", "authority": e.ims.URL(), "api_url": e.ims.URL(),
			"token_url": e.ims.URL() + "/connect/token", "auth_method": "client_secret_post", "persist_tokens": true,
			"renew_before": json.Number("1200"), "request_timeout": json.Number("10"), "ca_cert": "", "tls_min_version": "tls12",
		}
		requireConfig(e, path, want)

		e.mustPatch(path, fields{"request_timeout": "5s", "renew_before": nil})
		want["request_timeout"], want["renew_before"] = json.Number("5"), json.Number("1800")
		requireConfig(e, path, want)

		e.mustWrite(path, fields{"scopes": "itwins:read,itwin-platform"})
		want["scopes"] = "itwins:read,itwin-platform"
		requireConfig(e, path, want)
	}
	require.Equal(t, []any{"second"}, e.mustList("itwin/config"))
	e.mustDelete("itwin/config/second")
	e.mustDelete("itwin/config")
	e.mustMiss("itwin/config")
	_, err := e.root.Logical().Read("itwin/token")
	requireStatus(t, err, http.StatusBadRequest, "the default app isn't configured: run `vault write itwin/config client_id=")
}

// requireConfig checks what a config shows, and that it shows no secret.
func requireConfig(e *env, path string, want map[string]any) {
	e.t.Helper()
	got := e.mustRead(path).Data
	require.NotEmpty(e.t, got["client_secret_set_at"])
	require.NotContains(e.t, got, "client_secret")
	require.Subset(e.t, got, want)
}

func TestRoleIsCreatedReadPatchedUpdatedListedAndDeleted(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.mustMiss("itwin/role/viewer")
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	require.Equal(t, map[string]any{"app": "", "scopes": "itwins:read"}, e.mustRead("itwin/role/viewer").Data)
	e.mustPatch("itwin/role/viewer", fields{"scopes": nil})
	require.Equal(t, map[string]any{"app": "", "scopes": ""}, e.mustRead("itwin/role/viewer").Data)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read imodels:modify"})
	require.Equal(t, []any{"viewer"}, e.mustList("itwin/role"))
	require.Equal(t, "imodels:modify itwins:read", e.mustRead("itwin/token/viewer").Data["scope"])
	e.mustDelete("itwin/role/viewer")
	e.mustMiss("itwin/role/viewer")
	_, err := e.root.Logical().Read("itwin/token/viewer")
	requireStatus(t, err, http.StatusBadRequest, `role "viewer" doesn't exist`)
}

func TestTokenIsSharedUntilItIsRotated(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.mustWrite("itwin/role/same", fields{"scopes": "itwin-platform"})
	first := e.mustToken("itwin/token")
	require.Equal(t, first.ID, e.mustWrite("itwin/token", nil).Data["token_id"], "an update is a read")
	require.Equal(t, first.ID, e.mustToken("itwin/token/same").ID, "roles of the same app and scopes share a token")
	require.Equal(t, 1, e.ims.Exchanges(), "the exchange that verified the config gave the first token")

	rotated := e.mustWrite("itwin/rotate", nil).Data
	require.NotContains(t, rotated, "access_token")
	require.NotEqual(t, first.ID, rotated["token_id"])
	second := e.mustToken("itwin/token")
	require.Equal(t, rotated["token_id"], second.ID)
	require.Greater(t, second.Rotated, first.Rotated)
	require.Equal(t, e.mustWrite("itwin/rotate/same", nil).Data["token_id"], e.mustToken("itwin/token/same").ID)
}

func TestEveryPathHasHelp(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	for _, path := range []string{"config", "config/second", "role/viewer", "token", "token/viewer", "rotate", "rotate/viewer"} {
		help, err := e.root.Help("itwin/" + path)
		require.NoError(t, err, path)
		require.Contains(t, help.Help, "## DESCRIPTION", path)
		require.NotEmpty(t, help.OpenAPI, path)
	}
}
