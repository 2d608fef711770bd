package e2e

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// registerWith registers the plugin again under its name and version, with environment variables, as
// `vault plugin register -env=…` does. Processes that run already don't see them.
func (e *env) registerWith(variables ...string) {
	e.t.Helper()
	known, err := e.root.Sys().GetPlugin(&api.GetPluginInput{
		Name: e.plugin.Name, Type: api.PluginTypeSecrets, Version: e.plugin.Version,
	})
	require.NoError(e.t, err)
	_, err = e.root.Sys().RegisterPluginDetailed(&api.RegisterPluginInput{
		Name: e.plugin.Name, Type: api.PluginTypeSecrets, Version: e.plugin.Version,
		Command: known.Command, SHA256: known.SHA256, Env: variables,
	})
	require.NoError(e.t, err)
	vaulttest.Reload(e.t, e.root, e.plugin)
}

func TestAllowedHostsBindEveryAddressOfAConfig(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.registerWith("ITWIN_ALLOWED_HOSTS=127.0.0.1,*.bentley.com")
	e.configure(nil)
	e.mustToken("itwin/token")
	for _, field := range []string{"authority", "token_url", "api_url"} {
		for host, allowed := range map[string]bool{
			"https://qa-ims.bentley.com":          true,
			"https://QA-IMS.Bentley.com":          true,
			"https://bentley.com":                 false, // *. stands for a subdomain
			"https://notbentley.com":              false,
			"https://ims.bentley.com.example.com": false,
			"http://localhost:1":                  false, // the name counts, not what it resolves to
			"http://[::1]:1":                      false,
		} {
			_, err := e.root.Logical().Write("itwin/config/other", app(e.ims, fields{field: host, "verify": false}))
			if allowed {
				require.NoErrorf(t, err, "%s=%s", field, host)
				continue
			}
			requireStatus(t, err, http.StatusBadRequest, field, "ITWIN_ALLOWED_HOSTS")
		}
	}
}

func TestAllowedHostsBindConfigsThatAreStoredAlready(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.mustToken("itwin/token")
	e.registerWith("ITWIN_ALLOWED_HOSTS=ims.bentley.com")
	before := e.ims.Exchanges()
	for _, ask := range []func() error{
		func() error { return e.read("itwin/token").err },
		func() error { _, err := e.root.Logical().Write("itwin/rotate", nil); return err },
		func() error {
			_, err := e.root.Logical().Write("itwin/config", fields{"client_secret": clientSecret})
			return err
		},
	} {
		requireStatus(t, ask(), http.StatusBadRequest, "ITWIN_ALLOWED_HOSTS")
	}
	require.Equal(t, before, e.ims.Exchanges())
	require.Equal(t, e.ims.URL(), e.mustRead("itwin/config").Data["authority"], "the config can be read, to correct it")
}

func TestAProxyVariableThatDoesNotParseStopsEveryRequest(t *testing.T) {
	t.Parallel()
	const proxy = "http://user:p%ss@127.0.0.1:3128"
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.registerWith("HTTPS_PROXY=" + proxy)
	// Not a loopback address to Go, which takes those past every proxy; yet it leads to this machine.
	addr, connections := countConnections(t)
	config := app(e.ims, fields{"authority": "https://0.0.0.0:" + addr, "api_url": "https://0.0.0.0:" + addr})
	_, err := e.root.Logical().Write("itwin/config", config)
	requireStatus(t, err, http.StatusBadGateway, "proxy", "HTTPS_PROXY")
	told := err.Error()
	config["verify"] = false
	e.mustWrite("itwin/config", config)
	_, err = e.root.Logical().Read("itwin/token")
	requireStatus(t, err, http.StatusBadGateway, "proxy", "HTTPS_PROXY")
	told += err.Error()
	check := e.mustRead("itwin/check").Data
	require.Equal(t, false, check["ok"])
	require.Equal(t, "proxy", check["failed_stage"])
	require.Zero(t, connections.Load(), "nothing leaves past the proxy")
	for _, text := range []string{told, e.server.Log(t)} {
		require.NotContains(t, text, "p%ss")
		require.NotContains(t, text, "user:p")
	}
}

// countConnections listens on a port and closes each connection to it.
func countConnections(t *testing.T) (port string, count *atomic.Int64) {
	t.Helper()
	count = new(atomic.Int64)
	_, port, err := net.SplitHostPort(listen(t, func(net.Conn) { count.Add(1) }))
	require.NoError(t, err)
	return port, count
}
