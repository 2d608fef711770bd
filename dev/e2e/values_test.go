package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestValuesReachTheEngineAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	exchanges := e.ims.Exchanges()
	for name, c := range map[string]struct {
		path  string
		data  fields
		shown any // of the one field
	}{
		"a key given twice":  {"itwin/role/twice", fields{"scopes": []string{"b", "a"}}, []any{"b", "a"}},
		"a list of roles":    {"itwin/config", fields{"allowed_roles": []any{"*", "x"}, "verify": false}, []any{"*", "x"}},
		"a file":             {"itwin/config", fields{"auth_method": "client_secret_basic\r\n", "verify": "false\n"}, "client_secret_basic"},
		"an unset variable":  {"itwin/config", fields{"persist_tokens": "", "verify": false}, true},
		"a name of an alias": {"itwin/role/alice@example.com", fields{"scopes": "b,a\n"}, "b,a"},
	} {
		t.Run(name, func(t *testing.T) {
			e.mustWrite(c.path, c.data)
			delete(c.data, "verify")
			shown := e.mustRead(c.path).Data
			for field := range c.data {
				require.Equal(t, c.shown, shown[field])
			}
		})
	}
	for name, c := range map[string]struct {
		path, text string
		data       fields
	}{
		"a secret with a byte order mark": {"itwin/config", "client_secret has a byte order mark", fields{"client_secret": "\uFEFFcanary"}},
		"a secret that is a number":       {"itwin/config", "client_secret must be text", fields{"client_secret": 5}},
		"a secret in another encoding": {
			"itwin/config", "client_secret has a character that isn't UTF-8", fields{"client_secret": "\xff\xfec"},
		},
		"two dots in a role":       {"itwin/role/a..b", "two dots in a row", nil},
		"two dots in a role's app": {"itwin/role/x", "two dots in a row", fields{"app": "a..b"}},
		"a long name":              {"itwin/config/" + strings.Repeat("a", 129), "at most 128 characters", fields{"client_id": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.root.Logical().Write(c.path, c.data)
			requireStatus(t, err, http.StatusBadRequest, c.text)
			require.NotContains(t, err.Error(), "canary")
		})
	}
	require.Equal(t, exchanges, e.ims.Exchanges(), "nothing of it was sent")
	listed, err := e.root.Logical().List("itwin/role")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"app": "", "scopes": "b,a"}, listed.Data["key_info"].(map[string]any)["alice@example.com"])
}

func TestDeleteIsAnsweredAtOnceWhileWritesWaitForIMS(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.ims.Fault(emulator.Fault{Delay: time.Minute})
	ended := make(chan error, 10)
	for range cap(ended) {
		go func() {
			_, err := e.root.Logical().Write("itwin/config", map[string]any{"client_secret": clientSecret})
			ended <- err
		}()
	}
	requireStatus(t, <-ended, http.StatusTooManyRequests, "two checks of the default app are running already")
	begun := time.Now()
	e.mustDelete("itwin/config")
	require.Less(t, time.Since(begun), time.Second)
	for range cap(ended) - 1 {
		require.Error(t, <-ended)
	}
	e.mustMiss("itwin/config")
}
