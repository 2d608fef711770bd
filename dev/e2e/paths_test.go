package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestConfigIsCreatedReadPatchedListedAndDeleted(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	for _, path := range []string{"itwin/config", "itwin/config/second"} {
		e.mustMiss(path)
		e.mustWrite(path, app(e.ims, fields{"renew_before": "20m"}))
		e.mustPatch(path, fields{"request_timeout": "5s", "renew_before": nil})
		got := e.mustRead(path).Data
		require.NotEmpty(t, got["client_secret_set_at"])
		require.NotContains(t, got, "client_secret")
		require.Subset(t, got, map[string]any{
			"client_id": clientID, "scopes": "itwin-platform", "authority": e.ims.URL(), "api_url": e.ims.URL(),
			"token_url": e.ims.URL() + "/connect/token", "auth_method": "client_secret_post", "persist_tokens": true,
			"renew_before": json.Number("1800"), "request_timeout": json.Number("5"), "ca_cert": "", "tls_min_version": "tls12",
		})
	}
	require.Equal(t, []any{"second"}, e.mustList("itwin/config"))
	e.mustDelete("itwin/config/second")
	e.mustDelete("itwin/config")
	e.mustMiss("itwin/config")
	requireStatus(t, e.read("itwin/token").err, http.StatusBadRequest, "the default app isn't configured")
}

// TestCommandLineWritesWhatWasMeant gives a file with a line break, a variable that isn't set, and a key twice.
func TestCommandLineWritesWhatWasMeant(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	file := filepath.Join(t.TempDir(), "secret.txt")
	require.NoError(t, os.WriteFile(file, []byte(clientSecret+"\r\n"), 0o600))
	vault := func(args ...string) string { return e.server.CLI(t, e.root.Token(), args...) }
	vault("write", "itwin/config", "client_id="+clientID, "client_secret=@"+file, "authority="+e.ims.URL(), "api_url="+e.ims.URL(),
		"verify=", "persist_tokens=", "renew_before=")
	require.Equal(t, 1, e.ims.Exchanges(), "it was verified, without the line break")
	require.Equal(t, true, e.mustRead("itwin/config").Data["persist_tokens"])

	const alias = "ada@example.com" // policies can be templated by it
	vault("write", "itwin/role/"+alias, "scopes=itwins:read", "scopes=imodels:modify")
	require.Equal(t, "imodels:modify itwins:read", e.mustRead("itwin/token/" + alias).Data["scope"])
	table := vault("list", "-detailed", "itwin/role")
	require.Regexp(t, `(?m)^Keys\s+app\s+scopes\s*$`, table)
	require.Regexp(t, `(?m)^`+alias+`\s+n/a\s+\[itwins:read imodels:modify\]\s*$`, table)
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

	rotated := e.mustWrite("itwin/rotate/same", nil).Data
	require.NotContains(t, rotated, "access_token")
	require.NotEqual(t, first.ID, rotated["token_id"])
	second := e.mustToken("itwin/token")
	require.Equal(t, rotated["token_id"], second.ID)
	require.Greater(t, second.Rotated, first.Rotated)
}

func TestFailuresOfIMSHaveTheirStatus(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	for status, fault := range map[int]emulator.Fault{
		http.StatusBadRequest:      {Error: "invalid_client"},
		http.StatusTooManyRequests: {RetryAfter: 7 * time.Second},
		http.StatusBadGateway:      {Status: http.StatusServiceUnavailable},
		http.StatusGatewayTimeout:  {Delay: 5 * time.Second},
	} {
		path := mountAnother(t, e)
		e.mustWrite(path+"/config", app(e.ims, fields{"request_timeout": "1s", "verify": false}))
		e.ims.Fault(fault)
		requireStatus(t, e.read(path+"/token").err, status)
	}
}
