package itwin

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
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
		a, err := b.newApp(t.Context(), "", c)
		require.NoError(t, err)
		a.close()
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

func TestStoredEntriesCutAnywhereAreNeverReadAsWhole(t *testing.T) {
	t.Parallel()
	whole := newConfiguredEnv(t)
	whole.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	entries := whole.storage.Entries(t, "")
	require.Len(t, entries, 3)
	for key, value := range entries {
		t.Run(strings.SplitN(key, "/", 2)[0], func(t *testing.T) {
			t.Parallel()
			value = strings.TrimSpace(value)
			storage := newFaultyStorage()
			for cut := range len(value) {
				storage.Plant(t, key, value[:cut])
				mustReadAsDamaged(t, storage, key)
			}
		})
	}
}

func mustReadAsDamaged(t *testing.T, storage logical.Storage, key string) {
	t.Helper()
	switch {
	case key == configStorageKey:
		c, err := loadConfig(t.Context(), storage, "")
		require.Nil(t, c)
		require.Equal(t, errDamagedConfig, err)
	case strings.HasPrefix(key, rolePrefix):
		r, err := loadRole(t.Context(), storage, strings.TrimPrefix(key, rolePrefix))
		require.Nil(t, r)
		require.Equal(t, errDamagedRole, err)
	default:
		token, err := loadToken(t.Context(), storage, key)
		require.NoError(t, err)
		require.Nil(t, token)
	}
}

func TestEntriesOfAnEarlierFormatAreRead(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.storage.Plant(t, "config", `{"client_id":"service-test","client_secret":"canary","generation":"g","authority":"`+e.ims.URL+`"}`)
	shown := e.mustRead("config").Data
	require.Equal(t, int64(defaultRenewBefore/time.Second), shown[keyRenewBefore], "a field that is new has its default")
	require.Equal(t, canaryToken+"1", e.token())
}
