package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTypeScriptClient(t *testing.T) {
	t.Parallel()
	ts := newTypeScript(t)
	t.Run("needs nothing beside it, and is packed the same each time", ts.testPackage)
	t.Run("lists what the old one lists", ts.testExample)
	t.Run("trusts a CA that it is given", ts.testTLS)
	t.Run("takes the old one's place", ts.testTakingOver)
}

func (ts typeScript) testPackage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	npmInstall(t, dir, "install", "--offline", ts.packed)
	installed, err := filepath.Glob(filepath.Join(dir, "node_modules", "[^.]*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "node_modules", "vault-itwin-authorization")}, installed)
	npm(t, dir, "node", "-e", `new (require("vault-itwin-authorization").VaultAuthorizationClient)({ path: "p" })`)

	packed, err := os.ReadFile(ts.packed)
	require.NoError(t, err)
	again, err := os.ReadFile(packClient(t))
	require.NoError(t, err)
	require.Equal(t, packed, again)
}

// testExample runs the example with the old client's authorization.ts, and then as it is.
func (ts typeScript) testExample(t *testing.T) {
	const listed = "iTwin " + iTwinID + "\n  iModel of " + iTwinID
	current := filepath.Join(ts.project, "dist", "authorization.js")
	text, err := os.ReadFile(current)
	require.NoError(t, err)
	before, err := os.ReadFile(filepath.Join(ts.project, "dist", "authorization-before.js"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(current, before, 0o600))
	old := ts.command(t, "", ts.project, "node", "dist/main.js")
	old.Env = append(old.Env, "ITWIN_CLIENT_ID="+clientID, "ITWIN_CLIENT_SECRET="+clientSecret, "ITWIN_AUTHORITY="+ts.ims.URL())
	require.Equal(t, listed, succeed(t, old))

	require.NoError(t, os.WriteFile(current, text, 0o600))
	require.Equal(t, listed, ts.run(t, ts.reader(t), ts.project, "node", "dist/main.js"))
}

// testTLS reads through proxies whose certificate isn't trusted by default.
func (ts typeScript) testTLS(t *testing.T) {
	vault, err := url.Parse(ts.server.Addr)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(vault)
	front, ca, key := startTLS(t, tls.NoClientCert, proxy)
	mutual, _, _ := startTLS(t, tls.RequireAnyClientCert, proxy)
	gateway, _, _ := startTLS(t, tls.NoClientCert, http.RedirectHandler(ts.server.Addr+"/v1/"+viewerPath, http.StatusTemporaryRedirect))

	trust := "VAULT_CACERT=" + ca
	for name, test := range map[string]struct {
		addr string
		env  []string
		said string
	}{
		"a file":               {front, []string{trust}, iTwinID},
		"a folder and a name":  {front, []string{"VAULT_CAPATH=" + filepath.Dir(ca), "VAULT_TLS_SERVER_NAME=example.com"}, iTwinID},
		"none":                 {front, nil, "set VAULT_CACERT to that authority's certificate"},
		"another name":         {front, []string{trust, "VAULT_TLS_SERVER_NAME=another"}, "set VAULT_TLS_SERVER_NAME"},
		"a client certificate": {mutual, []string{trust, "VAULT_CLIENT_CERT=" + ca, "VAULT_CLIENT_KEY=" + key}, iTwinID},
		"no client one":        {mutual, []string{trust}, "Error"},
		"a redirect to HTTP":   {gateway, []string{trust}, "redirected to an address without TLS"},
	} {
		cmd := ts.command(t, ts.reader(t), ts.project, "node", "dist/main.js")
		cmd.Env = append(append(cmd.Env, "VAULT_ADDR="+test.addr), test.env...)
		said, err := cmd.CombinedOutput()
		require.Contains(t, string(said), test.said, name)
		require.Equal(t, test.said == iTwinID, err == nil, name)
	}
}

// startTLS starts a server, and returns its address and the files of its certificate, alone in its folder, and its key.
func startTLS(t *testing.T, clients tls.ClientAuthType, handler http.Handler) (addr, certificate, key string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: clients}
	server.StartTLS()
	t.Cleanup(server.Close)
	der, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	certificate, key = filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw},
		key:         {Type: "PRIVATE KEY", Bytes: der},
	} {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	}
	return server.URL, certificate, key
}
