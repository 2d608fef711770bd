package e2e

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestOtherPeoplesSoftware replaces IMS with a certified OpenID provider, and the engine with Bentley's own client:
// neither end of the exchange is then only this repository's idea of it.
func TestOtherPeoplesSoftware(t *testing.T) {
	t.Parallel()
	dir := npmPrograms(t)
	e := newEnv(t, vaulttest.Options{InMemory: true})
	for _, method := range []string{"client_secret_post", "client_secret_basic"} {
		t.Run("the engine gets a token from oidc-provider by "+method, func(t *testing.T) {
			t.Parallel()
			testProvider(t, e.in(t), mountAnother(t, e), startProvider(t, dir, method), method)
		})
	}
	t.Run("Bentley's client gets a token from the emulator", func(t *testing.T) {
		t.Parallel()
		testBentleysClient(t, e.in(t), filepath.Join(dir, "client.mjs"))
	})
}

// testProvider writes, reads, introspects, and gets wrong what users get wrong.
func testProvider(t *testing.T, e *env, path, issuer, method string) {
	t.Helper()
	config := fields{
		"client_id": clientID, "client_secret": clientSecret, "authority": issuer, "auth_method": method,
		"scopes": "itwin-platform itwins:read",
	}
	require.Empty(t, e.mustWrite(path+"/config", config), "there is nothing to warn of")
	e.mustWrite(path+"/role/viewer", fields{"scopes": "itwins:read"})
	narrow := e.mustRead(path + "/token/viewer").Data
	require.Equal(t, "itwins:read", narrow["scope"])
	whole := e.mustRead(path + "/token").Data
	require.Equal(t, "itwin-platform itwins:read", whole["scope"])

	found := e.mustWrite(path+"/introspect", fields{"token": narrow["access_token"]}).Data
	require.Equal(t, true, found["active"], found["reason"])
	require.Equal(t, narrow["token_id"], found["token_id"])
	require.Equal(t, []any{"config"}, found["apps"])
	require.Equal(t, []any{"viewer"}, found["roles"])

	for code, change := range map[string]fields{
		"invalid_client": {"client_secret": "canary-wrong"},
		"invalid_scope":  {"scopes": "itwin-platform enterprise"},
	} {
		_, err := e.root.Logical().Write(path+"/config", change)
		requireStatus(t, err, http.StatusBadRequest, code)
		require.NotContains(t, err.Error(), "canary")
	}
	require.Equal(t, whole["token_id"], e.mustToken(path+"/token").ID, "a refused write leaves the token alone")

	written := e.mustWrite(path+"/config", fields{"scopes": "itwin-platform unheard-of"})
	require.NotNil(t, written, "a scope that isn't granted is worth a warning")
	require.Contains(t, strings.Join(written.Warnings, "\n"), "unheard-of")
}

func testBentleysClient(t *testing.T, e *env, program string) {
	t.Helper()
	ims := startIMS(t)
	require.Error(t, nodeJS(t, program, ims.URL(), clientID, "wrong", "itwin-platform").Run())
	text, err := nodeJS(t, program, ims.URL(), clientID, clientSecret, "itwin-platform").Output()
	require.NoError(t, err)

	var got struct {
		Token        string
		Authorized   bool
		Introspected struct {
			Active          bool
			Scope, ClientID string
			Issuer          string `json:"iss"`
		}
	}
	require.NoError(t, json.Unmarshal(text, &got))
	require.True(t, got.Authorized)
	require.True(t, got.Introspected.Active)
	require.Equal(t, "itwin-platform", got.Introspected.Scope)
	require.Equal(t, ims.URL(), got.Introspected.Issuer)
	require.Len(t, ims.Issued(), 1)
	require.Equal(t, "client_secret_basic", ims.Issued()[0].AuthMethod)

	// The engine takes the token for what it is: issued to the same app, though not by way of Vault.
	e.mustWrite(mount+"/config", app(ims, nil))
	found := e.mustWrite(mount+"/introspect", fields{"token": got.Token}).Data
	require.Equal(t, true, found["active"])
	require.Equal(t, ims.Issued()[0].SHA256, found["token_id"])
	require.True(t, strings.HasPrefix(got.Token, "Bearer "))
}
