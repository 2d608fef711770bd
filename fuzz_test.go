package itwin

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// writtenConfig is what a config is stored as.
func writtenConfig(f *testing.F) string {
	f.Helper()
	storage := newFaultyStorage()
	c := defaultConfig()
	c.ClientID, c.ClientSecret, c.Generation = "service-test", secret.New(canarySecret), "g"
	require.NoError(f, storeConfig(f.Context(), storage, "", c))
	entry, err := storage.Get(f.Context(), configStorageKey)
	require.NoError(f, err)
	return string(entry.Value)
}

// FuzzStoredConfig: any bytes are a config that works, or an error that says what
// to do.
func FuzzStoredConfig(f *testing.F) {
	f.Add([]byte(writtenConfig(f)))
	for _, value := range []string{
		"", "null", "[]", "canary{", `{"format":2}`, `{"client_id":"x","client_secret":"y","generation":"g"}`,
		`{"format":1,"client_id":"x","client_secret":"y","generation":"g","renew_before":-1}`,
		`{"format":1,"client_id":"x","client_secret":"y","generation":"g","request_timeout":0}`,
		`{"format":1,"client_id":"x","client_secret":"y","generation":"g","authority":"http://canary.invalid"}`,
		`{"format":1,"client_id":"x","client_secret":"y","generation":"g","ca_cert":"canary","tls_min_version":"tls10"}`,
	} {
		f.Add([]byte(value))
	}
	b := newBackend("v1.2.3")
	require.NoError(f, b.Setup(f.Context(), &logical.BackendConfig{System: &countingSystem{}}))
	f.Fuzz(func(t *testing.T, value []byte) {
		c, err := decodeConfig(&logical.StorageEntry{Key: configStorageKey, Value: value})
		if err != nil {
			require.True(t, isUnusable(err), err)
			return
		}
		client, err := b.newClient(t.Context(), c)
		require.NoError(t, err)
		client.Close()
		require.Positive(t, c.RenewBefore)
		require.GreaterOrEqual(t, c.RequestTimeout, minRequestTimeout)

		storage := newFaultyStorage()
		require.NoError(t, storeConfig(t.Context(), storage, "", c))
		again, err := loadConfig(t.Context(), storage, "")
		require.NoError(t, err)
		require.True(t, again.ClientSecret.Equal(c.ClientSecret))
		again.ClientSecret = c.ClientSecret
		require.Equal(t, c, again)
	})
}

// FuzzStoredRole: any bytes are a role that a write could have made, or an error
// that says what to do.
func FuzzStoredRole(f *testing.F) {
	for _, value := range []string{
		`{"format":1,"app":"","scopes":""}`, `{"format":1,"app":"qa","scopes":"itwins:read"}`, `{"format":2}`, "null", "",
		`{"format":1,"app":"../config","scopes":"a"}`, `{"format":1,"scopes":"a\nb"}`, `{"format":1,"scopes":"openid"}`,
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		storage := newFaultyStorage()
		storage.Plant(t, "role/viewer", string(value))
		r, err := loadRole(t.Context(), storage, "viewer")
		if err != nil {
			require.ErrorIs(t, err, errDamagedRole)
			return
		}
		require.True(t, r.App == "" || checkAppName(r.App) == nil, r.App)
		require.Equal(t, r.Scopes, scopes.Granted(r.Scopes.String()))
	})
}

// FuzzStoredToken: any bytes are a token that can be handed out, or none.
func FuzzStoredToken(f *testing.F) {
	stored := `{"format":1,"access_token":"a.b.c","token_type":"Bearer","scope":"itwin-platform",` +
		`"obtained_at":"2026-11-23T12:00:00Z","lifetime":3600000000000,"rotated_at":"2026-11-23T12:00:00Z"}`
	for _, value := range []string{stored, stored[:90], "null", `{"format":1}`, `{"format":1,"access_token":"a\nb","lifetime":1}`} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		token := decodeToken(&logical.StorageEntry{Key: "token/g/s", Value: value})
		if token == nil {
			return
		}
		require.False(t, token.AccessToken.IsZero())
		require.Equal(t, tokens.ID(token.AccessToken), token.ID)
		require.Positive(t, token.Lifetime)
		require.LessOrEqual(t, token.Left(time.Time{}), token.Lifetime)
		store := &tokenStore{storage: newFaultyStorage(), generation: "g"}
		require.NoError(t, store.Save(t.Context(), token))
		again, err := store.Load(t.Context(), token.Scope)
		require.NoError(t, err)
		require.Equal(t, token.AccessToken.Reveal(), again.AccessToken.Reveal())
		require.True(t, token.ExpiresAt().Equal(again.ExpiresAt()))
	})
}
