package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func (c *consumers) testTypeScript(t *testing.T) {
	t.Parallel()
	project := newTypeScript(t, packClient(t))
	joinITwin(c.ims)
	require.Equal(t, "iTwin "+iTwinID+"\n  iModel of "+iTwinID, c.run(t, c.reader(t), project, "node", "dist/main.js"))
	t.Run("over TLS with a CA of its own", func(t *testing.T) { c.testTypeScriptTLS(t, project) })
}

func (c *consumers) testTypeScriptTLS(t *testing.T, project string) {
	t.Helper()
	front := c.startTLS(t, tls.NoClientCert)
	ca, _ := writeKeyPair(t, front)
	run := func(more ...string) (string, error) {
		cmd := c.command(t, c.reader(t), project, "node", "dist/main.js")
		cmd.Env = append(append(cmd.Env, "VAULT_ADDR="+front.URL), more...)
		said, err := cmd.CombinedOutput()
		return string(said), err
	}
	said, err := run("VAULT_CACERT=" + ca)
	require.NoError(t, err, said)
	require.Contains(t, said, iTwinID)
	said, err = run("VAULT_CAPATH="+filepath.Dir(ca), "VAULT_TLS_SERVER_NAME=example.com")
	require.NoError(t, err, said)
	said, err = run()
	require.Error(t, err)
	require.Contains(t, said, "set VAULT_CACERT to that authority's certificate")
	said, err = run("VAULT_CACERT="+ca, "VAULT_TLS_SERVER_NAME=another")
	require.Error(t, err)
	require.Contains(t, said, "set VAULT_TLS_SERVER_NAME")

	front = c.startTLS(t, tls.RequireAnyClientCert)
	ca, key := writeKeyPair(t, front)
	said, err = run("VAULT_CACERT="+ca, "VAULT_CLIENT_CERT="+ca, "VAULT_CLIENT_KEY="+key)
	require.NoError(t, err, said)
	_, err = run("VAULT_CACERT=" + ca)
	require.Error(t, err)

	front = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, c.server.Addr+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(front.Close)
	ca, _ = writeKeyPair(t, front)
	said, err = run("VAULT_CACERT=" + ca)
	require.Error(t, err)
	require.Contains(t, said, "redirected to an address without TLS")
}

// startTLS starts what serves the server's API with a certificate that nobody trusts by itself.
func (c *consumers) startTLS(t *testing.T, clients tls.ClientAuthType) *httptest.Server {
	t.Helper()
	vault, err := url.Parse(c.server.Addr)
	require.NoError(t, err)
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(vault))
	front.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: clients}
	front.StartTLS()
	t.Cleanup(front.Close)
	return front
}

// writeKeyPair writes the server's certificate and key into files. The certificate is alone in its folder.
func writeKeyPair(t *testing.T, server *httptest.Server) (certificate, key string) {
	t.Helper()
	certificate, key = filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw},
		key:         {Type: "PRIVATE KEY", Bytes: der},
	} {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	}
	return certificate, key
}

func TestTheTypeScriptClient(t *testing.T) {
	t.Parallel()
	packed := packClient(t)
	again := packClient(t)
	require.NotEqual(t, packed, again)
	require.Equal(t, fileText(t, packed), fileText(t, again), "packed from other folders")
	ts := typeScript{packed: packed, project: newTypeScript(t, packed)}
	t.Run("needs nothing beside it", ts.testNothingBeside)
	t.Run("makes one read for twenty callers", ts.testTwentyCallers)
	t.Run("says why IMS refuses, and not the secret", ts.testRefusal)
	t.Run("takes the old one's place", ts.testTakingOver)
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// typeScript is what tests of the client share.
type typeScript struct {
	packed  string // the package
	project string // a folder, as newTypeScript makes it
}

func (ts typeScript) testNothingBeside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	npm(t, dir, "npm", "init", "--yes")
	npmInstall(t, dir, "install", "--offline", ts.packed)
	for kind, program := range map[string]string{
		"an ES module": `import { VaultAuthorizationClient } from "vault-itwin-authorization"; new VaultAuthorizationClient({ path: "p" });`,
		"CommonJS":     `const { VaultAuthorizationClient } = require("vault-itwin-authorization"); new VaultAuthorizationClient({ path: "p" });`,
	} {
		name := filepath.Join(dir, map[bool]string{true: "a.cjs", false: "a.mjs"}[kind == "CommonJS"])
		require.NoError(t, os.WriteFile(name, []byte(program), 0o600))
		npm(t, dir, "node", name)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "node_modules"))
	require.NoError(t, err)
	for _, entry := range entries {
		require.Contains(t, []string{".package-lock.json", "vault-itwin-authorization"}, entry.Name())
	}
}

// testTwentyCallers compares both clients in what the page about moving says of them.
func (ts typeScript) testTwentyCallers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	log := e.server.Audit(t)
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwin-platform"})

	run := func(variant string, more ...string) {
		program := newProgram(t, withAuthorization(t, ts.project, variant), "concurrent", append(more, "VAULT_ADDR="+e.server.Addr)...)
		require.NotEmpty(t, succeed(t, program))
	}
	sent := e.ims.Exchanges()
	run("authorization-before", oldClient(t, e)...)
	require.Equal(t, sent+20, e.ims.Exchanges())

	e.mustToken(viewerPath)
	sent, reads := e.ims.Exchanges(), auditedReads(t, log)
	run("authorization", "VAULT_TOKEN="+e.root.Token())
	require.Equal(t, sent, e.ims.Exchanges())
	require.Equal(t, reads+1, auditedReads(t, log))
}

// testRefusal has both clients end a program with their error, after the app's secret has become a wrong one.
func (ts typeScript) testRefusal(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	e.ims.SetApp(emulator.App{ClientID: clientID, ClientSecret: "another", Scopes: []string{"itwins:read"}})
	fail := func(variant string, more ...string) string {
		dir := withAuthorization(t, ts.project, variant)
		said, err := newProgram(t, dir, "concurrent", append(more, "VAULT_ADDR="+e.server.Addr)...).CombinedOutput()
		require.Error(t, err)
		return string(said)
	}
	credentials := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(clientID) + ":" + url.QueryEscape(clientSecret)))

	old := fail("authorization-before", oldClient(t, e)...)
	require.NotContains(t, old, "invalid_client")
	require.Contains(t, old, credentials)

	said := fail("authorization", "VAULT_TOKEN="+e.root.Token())
	require.Contains(t, said, "invalid_client")
	require.NotContains(t, said, credentials)
	require.NotContains(t, said, clientSecret)
}

// oldClient is the environment of @itwin/service-authorization, which insists on more of a discovery document than the
// emulator has.
func oldClient(t *testing.T, e *env) []string {
	t.Helper()
	discovery := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		none := []string{"none"}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": e.ims.URL(), "token_endpoint": e.ims.URL() + "/connect/token", "jwks_uri": e.ims.URL(),
			"authorization_endpoint": e.ims.URL(), "response_types_supported": none, "subject_types_supported": none,
			"id_token_signing_alg_values_supported": none,
		})
	}))
	t.Cleanup(discovery.Close)
	return []string{
		"ITWIN_CLIENT_ID=" + clientID, "ITWIN_CLIENT_SECRET=" + clientSecret, "ITWIN_AUTHORITY=" + discovery.URL,
	}
}

// auditedReads counts the answers about the role's token in an audit log.
func auditedReads(t *testing.T, log string) (reads int) {
	t.Helper()
	for line := range strings.Lines(fileText(t, log)) {
		if strings.Contains(line, `"type":"response"`) && strings.Contains(line, `"path":"`+viewerPath+`"`) {
			reads++
		}
	}
	return reads
}
