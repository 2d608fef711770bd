package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	lifetime = time.Minute // of a token: it is renewed after half of that
	authName = "vault-plugin-auth-kubernetes"
)

// world is a cluster, a Vault to which its apps log in, and an IMS with short-lived tokens.
type world struct {
	*cluster

	ims   *emulator.Emulator
	vault *vaulttest.Server
	root  *api.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{cluster: startCluster(t), vault: vaulttest.StartServer(t, vaulttest.Options{InMemory: true})}
	var err error
	w.ims, err = emulator.Start(emulator.Options{Lifetime: lifetime, Apps: []emulator.App{{
		ClientID: "service-kubernetes", ClientSecret: "canary", Scopes: []string{"itwin-platform"},
	}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.ims.Close()) })
	w.root = w.vault.Root(t)
	w.setUpEngine(t)
	w.setUpLogin(t)
	return w
}

// setUpEngine does what the README says.
func (w *world) setUpEngine(t *testing.T) {
	t.Helper()
	plugin := vaulttest.Product(t)
	w.vault.Register(t, plugin)
	vaulttest.Mount(t, w.root, plugin, "itwin")
	w.write(t, "itwin/config", map[string]any{
		"client_id": "service-kubernetes", "client_secret": "canary", "authority": w.ims.URL(), "api_url": w.ims.URL(),
	})
	w.write(t, "itwin/role/viewer", map[string]any{"scopes": "itwin-platform"})
	w.script(t, "policies", "write.sh")
}

// setUpLogin enables the Kubernetes auth method for a Vault outside of the cluster, and writes the roles of the page.
func (w *world) setUpLogin(t *testing.T) {
	t.Helper()
	w.registerAuth(t)
	require.NoError(t, w.root.Sys().EnableAuthWithOptions("kubernetes", &api.EnableAuthOptions{Type: authName}))
	w.apply(t, example(t, "kubernetes/app.yaml")...)
	w.apply(t, objects(t, `
{apiVersion: v1, kind: ServiceAccount, metadata: {name: vault, namespace: app}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: vault}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:auth-delegator"}
subjects: [{kind: ServiceAccount, name: vault, namespace: app}]
`)...)
	w.write(t, "auth/kubernetes/config", map[string]any{
		"kubernetes_host": w.url(), "kubernetes_ca_cert": w.caCert, "disable_local_ca_jwt": true,
		"token_reviewer_jwt": w.serviceAccountToken(t, "app", "vault"),
	})
	w.script(t, "kubernetes", "roles.sh")
}

// registerAuth puts the auth method into the catalog. A Vault built with the tag minimal has it not in itself.
func (w *world) registerAuth(t *testing.T) {
	t.Helper()
	state, err := w.root.Logical().Read("sys/config/state/sanitized")
	require.NoError(t, err)
	binary, err := os.ReadFile(program(t, authName))
	require.NoError(t, err)
	target := filepath.Join(state.Data["plugin_directory"].(string), authName)
	require.NoError(t, os.WriteFile(target, binary, 0o700))
	sum := sha256.Sum256(binary)
	_, err = w.root.Sys().RegisterPluginDetailed(&api.RegisterPluginInput{
		Name: authName, Type: api.PluginTypeCredential, Command: authName, SHA256: hex.EncodeToString(sum[:]),
	})
	require.NoError(t, err)
}

func (w *world) write(t *testing.T, path string, data map[string]any) {
	t.Helper()
	_, err := w.root.Logical().Write(path, data)
	require.NoErrorf(t, err, "writing %s", path)
}

// script runs a script of examples/ as an operator does.
func (w *world) script(t *testing.T, folder, name string) {
	t.Helper()
	bin := t.TempDir()
	vault, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", w.vault.PID()))
	require.NoError(t, err)
	require.NoError(t, os.Symlink(vault, filepath.Join(bin, "vault")))
	cmd := exec.CommandContext(t.Context(), "./"+name)
	cmd.Dir = examplePath(folder)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + bin, "VAULT_ADDR=" + w.vault.Addr, "VAULT_TOKEN=" + w.root.Token()}
	output, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "%s", output)
}

// login logs in to Vault as a consumer does.
func (w *world) login(t *testing.T, role, jwt string) (*api.Client, error) {
	t.Helper()
	client := w.vault.Client(t, "")
	secret, err := client.Logical().Write("auth/kubernetes/login", map[string]any{"role": role, "jwt": jwt})
	if err == nil {
		client.SetToken(secret.Auth.ClientToken)
	}
	return client, err
}

// logins counts the tokens that Vault keeps for those who logged in by a role.
func (w *world) logins(t *testing.T, role string) (live int) {
	t.Helper()
	list, err := w.root.Logical().List("auth/token/accessors")
	require.NoError(t, err)
	for _, accessor := range list.Data["keys"].([]any) {
		secret, err := w.root.Auth().Token().LookupAccessor(accessor.(string))
		if err != nil {
			continue // it has ended since
		}
		if meta, ok := secret.Data["meta"].(map[string]any); ok && meta["role"] == role {
			live++
		}
	}
	return live
}
