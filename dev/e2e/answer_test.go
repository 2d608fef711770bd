package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestTokenAnswerHasExactlyTheKeysAndTypesThatReadersTimeBy(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	e.configure(nil)
	secret := e.mustRead("itwin/token")
	require.Empty(t, secret.LeaseID)
	require.Zero(t, secret.LeaseDuration)
	require.False(t, secret.Renewable)
	require.Empty(t, secret.Warnings)

	var issued struct {
		token

		Type    string    `json:"token_type"`
		Scope   string    `json:"scope"`
		Client  string    `json:"client_id"`
		Expires time.Time `json:"expires_at"`
		Period  int64     `json:"rotation_period"`
	}
	data, err := json.Marshal(secret.Data) // numbers stay as Vault wrote them
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&issued), "an unknown key, a float or a string in a number's place")
	require.NotEmpty(t, issued.AccessToken)
	require.Equal(t, e.ims.Issued()[0].SHA256, issued.ID)
	require.Equal(t, []string{"Bearer", "itwin-platform", clientID}, []string{issued.Type, issued.Scope, issued.Client})
	require.Equal(t, issued.Expires.Unix(), issued.ExpiresAtUnix)
	require.InDelta(t, time.Hour, issued.left(time.Now()), float64(10*time.Second))
	require.Equal(t, int64(1800), issued.Period)
	require.InDelta(t, 1830, issued.TTL, 40, "half an hour, and up to a minute so that readers don't come back together")
	rotated, err := time.Parse(time.RFC3339, issued.Rotated)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), rotated, 10*time.Second)
	require.Regexp(t, "Vault/.*vault-plugin-secrets-itwin", e.ims.LastRequest().Get("User-Agent"))
}

func TestPolicyOfOneRoleOpensNothingElse(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	e.mustWrite("itwin/role/editor", fields{"scopes": "imodels:modify"})
	viewer := e.server.User(t, "viewer", `path "itwin/token/viewer" { capabilities = ["read"] }`)
	_, err := readToken(t.Context(), viewer, "itwin/token/viewer")
	require.NoError(t, err)

	for _, path := range []string{"itwin/token", "itwin/token/editor", "itwin/config", "itwin/role/viewer"} {
		_, err := viewer.Logical().Read(path)
		requireStatus(t, err, http.StatusForbidden, "permission denied")
	}
	for _, path := range []string{"itwin/token/viewer", "itwin/config", "itwin/role/viewer", "itwin/rotate", "itwin/rotate/viewer"} {
		_, err := viewer.Logical().Write(path, fields{"scopes": "itwin-platform"})
		requireStatus(t, err, http.StatusForbidden, "permission denied")
	}
	_, err = e.server.Client(t, "").Logical().Read("itwin/token")
	requireStatus(t, err, http.StatusForbidden)
}
