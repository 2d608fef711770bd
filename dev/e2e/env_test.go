package e2e

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	clientID     = "service-e2e"
	clientSecret = "canary+secret/with=signs&more%20:"
	mount        = "itwin"
)

// fields are those of a request's body.
type fields map[string]any

// env is a Vault with the plugin mounted, and an IMS that knows one app.
type env struct {
	t      *testing.T
	ims    *emulator.Emulator
	plugin vaulttest.Plugin
	server *vaulttest.Server
	root   *api.Client
}

func newEnv(t *testing.T, opts vaulttest.Options) *env {
	t.Helper()
	e := &env{t: t, ims: startIMS(t), plugin: vaulttest.Product(t), server: vaulttest.StartServer(t, opts)}
	e.root = e.server.Root(t)
	e.server.Register(t, e.plugin)
	vaulttest.Mount(t, e.root, e.plugin, mount)
	return e
}

// in is the same for a subtest.
func (e *env) in(t *testing.T) *env {
	t.Helper()
	sub := *e
	sub.t = t
	return &sub
}

func startIMS(t *testing.T) *emulator.Emulator {
	t.Helper()
	ims, err := emulator.Start(emulator.Options{Apps: []emulator.App{{
		ClientID: clientID, ClientSecret: clientSecret,
		Scopes: []string{"itwin-platform", "itwins:read", "imodels:modify"},
	}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ims.Close()) })
	return ims
}

// app is a whole config for an app of an IMS, with more fields or others.
func app(ims *emulator.Emulator, more fields) fields {
	config := fields{"client_id": clientID, "client_secret": clientSecret, "authority": ims.URL(), "api_url": ims.URL()}
	maps.Copy(config, more)
	return config
}

// configure writes the default app's config.
func (e *env) configure(more fields) {
	e.t.Helper()
	e.mustWrite(mount+"/config", app(e.ims, more))
}

func (e *env) mustWrite(path string, data fields) *api.Secret {
	e.t.Helper()
	secret, err := e.root.Logical().Write(path, data)
	require.NoErrorf(e.t, err, "writing %s", path)
	return secret
}

func (e *env) mustPatch(path string, data fields) {
	e.t.Helper()
	_, err := e.root.Logical().JSONMergePatch(context.Background(), path, data)
	require.NoErrorf(e.t, err, "patching %s", path)
}

func (e *env) mustRead(path string) *api.Secret {
	e.t.Helper()
	secret, err := e.root.Logical().Read(path)
	require.NoErrorf(e.t, err, "reading %s", path)
	require.NotNilf(e.t, secret, "%s isn't there", path)
	return secret
}

func (e *env) mustList(path string) []any {
	e.t.Helper()
	secret, err := e.root.Logical().List(path)
	require.NoErrorf(e.t, err, "listing %s", path)
	require.NotNilf(e.t, secret, "%s has nothing to list", path)
	return secret.Data["keys"].([]any)
}

func (e *env) mustDelete(path string) {
	e.t.Helper()
	_, err := e.root.Logical().Delete(path)
	require.NoErrorf(e.t, err, "deleting %s", path)
}

func (e *env) mustMiss(path string) {
	e.t.Helper()
	secret, err := e.root.Logical().Read(path)
	require.NoErrorf(e.t, err, "reading %s", path)
	require.Nilf(e.t, secret, "%s should not be there", path)
}

// mustToken reads a token as root.
func (e *env) mustToken(path string) token {
	e.t.Helper()
	got, err := readToken(context.Background(), e.root, path)
	require.NoErrorf(e.t, err, "reading %s", path)
	require.Positivef(e.t, got.left(time.Now()), "%s handed out an expired token", path)
	return got
}

// requireStatus checks Vault's answer to a request that must fail.
func requireStatus(t *testing.T, err error, status int, texts ...string) {
	t.Helper()
	var answer *api.ResponseError
	require.ErrorAsf(t, err, &answer, "Vault should have answered %d, got: %v", status, err)
	require.Equal(t, status, answer.StatusCode, err.Error())
	for _, text := range texts {
		require.Contains(t, strings.Join(answer.Errors, "\n"), text)
	}
}
