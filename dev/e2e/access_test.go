package e2e

import (
	"net/http"
	"os"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestPolicyOfOneRoleOpensNothingElse(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	e.mustWrite("itwin/role/editor", fields{"scopes": "imodels:modify"})
	viewer := e.server.User(t, "viewer", `path "itwin/token/viewer" { capabilities = ["read"] }`)
	got, err := readToken(t.Context(), viewer, "itwin/token/viewer")
	require.NoError(t, err)
	require.NotEmpty(t, got.AccessToken)

	for _, path := range []string{"itwin/token", "itwin/token/editor", "itwin/config", "itwin/role/viewer"} {
		_, err := viewer.Logical().Read(path)
		requireStatus(t, err, http.StatusForbidden, "permission denied")
	}
	for _, path := range []string{"itwin/token/viewer", "itwin/config", "itwin/role/viewer", "itwin/rotate", "itwin/rotate/viewer"} {
		_, err := viewer.Logical().Write(path, fields{"scopes": "itwin-platform"})
		requireStatus(t, err, http.StatusForbidden, "permission denied")
	}
	_, err = viewer.Logical().List("itwin/role")
	requireStatus(t, err, http.StatusForbidden, "permission denied")
	_, err = e.server.Client(t, "").Logical().Read("itwin/token")
	requireStatus(t, err, http.StatusForbidden)
}

// printable is every character that RFC 6749 appendix A.2 has for a secret.
func printable() string {
	var all []byte
	for char := byte(' '); char <= '~'; char++ {
		all = append(all, char)
	}
	return string(all)
}

func TestSecretsOfAnyCharactersArriveWhole(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	for name, secret := range map[string]string{
		"base64":                  "Zm9v+YmFy/cXV1eA==",
		"form":                    "a+b/c=d:e&f%20g%",
		"spaces-within-and-about": " a b ",
		"every-character":         printable(),
	} {
		for _, method := range []string{"client_secret_post", "client_secret_basic"} {
			t.Run(name+" by "+method, func(t *testing.T) {
				e := e.in(t)
				e.ims.SetApp(emulator.App{ClientID: "service-odd", ClientSecret: secret, Scopes: []string{"itwin-platform"}})
				e.mustWrite("itwin/config", app(e.ims, fields{
					"client_id": "service-odd", "client_secret": secret, "auth_method": method,
				}))
				issued := e.ims.Issued()
				require.Equal(t, method, issued[len(issued)-1].AuthMethod)
			})
		}
	}
}

func TestRequestsToIMSNameVaultAndThePlugin(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	health, err := e.root.Sys().Health()
	require.NoError(t, err)
	header := e.ims.LastRequest()
	require.Contains(t, header.Get("User-Agent"), "Vault/"+health.Version)
	require.Contains(t, header.Get("User-Agent"), "vault-plugin-secrets-itwin")
	require.NoError(t, uuid.Validate(header.Get("X-Correlation-Id")))
}

func TestSecretsAndTokensStayOutOfLogs(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{})
	audit := e.server.Audit(t)
	e.configure(nil)
	first := e.mustToken("itwin/token")
	e.mustWrite("itwin/rotate", nil)
	second := e.mustToken("itwin/token")
	e.ims.Fault(emulator.Fault{Error: "invalid_client", Description: "no such secret: " + clientSecret})
	_, err := e.root.Logical().Write("itwin/rotate", nil)
	requireStatus(t, err, http.StatusBadRequest)
	require.NotContains(t, err.Error(), clientSecret)
	_, err = e.root.Logical().Write("itwin/config", app(e.ims, fields{"client_secret": "canary-wrong"}))
	requireStatus(t, err, http.StatusBadRequest)
	_, err = e.root.Logical().Write("itwin/config", fields{"client_secret": []string{"canary-list"}, "persist_tokens": "canary-bool"})
	requireStatus(t, err, http.StatusBadRequest)
	e.server.Restart(t)
	e.mustToken("itwin/token")

	text, err := os.ReadFile(audit)
	require.NoError(t, err)
	require.Contains(t, string(text), "itwin/token")
	logs := string(text) + e.server.Log(t)
	for _, canary := range []string{clientSecret, "canary", first.AccessToken, second.AccessToken} {
		require.NotContains(t, logs, canary)
	}
}
