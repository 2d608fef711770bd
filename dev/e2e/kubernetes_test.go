package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const clusterTokenLife = time.Minute // a token is renewed after half of that

// TestInKubernetes follows the pages for Kubernetes with a real API server, etcd, Vault's Kubernetes auth method and
// External Secrets, with addresses and intervals replaced. There is no kubelet, so the others only log in.
func TestInKubernetes(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.ims.SetLifetime(clusterTokenLife)
	c.mustWrite("itwin/rotate/viewer", nil)
	c.setUpLogin(t)
	t.Run("Secrets hold a valid token through rotations and an outage", c.testSecrets)
	t.Run("each consumer's role takes its audience and no other", c.testLogins)
}

// setUpLogin enables the Kubernetes auth method for a Vault outside the cluster, and writes the roles of the page.
func (c *cluster) setUpLogin(t *testing.T) {
	t.Helper()
	c.enableKubernetesAuth(t)
	c.apply(t, readExample(t, "kubernetes", "app.yaml"))
	c.apply(t, `{apiVersion: v1, kind: ServiceAccount, metadata: {name: vault, namespace: app}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: vault}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:auth-delegator"}
subjects: [{kind: ServiceAccount, name: vault, namespace: app}]
`)
	c.mustWrite("auth/kubernetes/config", fields{
		"kubernetes_host": c.url, "kubernetes_ca_cert": c.caCert, "disable_local_ca_jwt": true,
		"token_reviewer_jwt": c.serviceAccountToken(t, "vault", nil),
	})
	c.run(t, c.root.Token(), examplePath("kubernetes"), "./roles.sh")
}

// enableKubernetesAuth registers the method first, as a Vault built with the tag minimal doesn't have it in itself.
func (c *cluster) enableKubernetesAuth(t *testing.T) {
	t.Helper()
	const method = "vault-plugin-auth-kubernetes"
	binary, err := os.ReadFile(program(method))
	require.NoError(t, err)
	plugins := c.mustRead("sys/config/state/sanitized").Data["plugin_directory"].(string)
	require.NoError(t, os.WriteFile(filepath.Join(plugins, method), binary, 0o700))
	sum := sha256.Sum256(binary)
	_, err = c.root.Sys().RegisterPluginDetailed(&api.RegisterPluginInput{
		Name: method, Type: api.PluginTypeCredential, Command: method, SHA256: hex.EncodeToString(sum[:]),
	})
	require.NoError(t, err)
	require.NoError(t, c.root.Sys().EnableAuthWithOptions("kubernetes", &api.EnableAuthOptions{Type: method}))
}

// testLogins logs in as each consumer of the pages does; the API server reviews the tokens.
func (c *cluster) testLogins(t *testing.T) {
	operator := login(t, "vault-secrets-operator/itwin-token.yaml", "VaultAuth", "kubernetes")
	store := login(t, "external-secrets/itwin-token.yaml", "SecretStore", "provider", "vault", "auth", "kubernetes")
	generator := login(t, "external-secrets/generator.yaml", "VaultDynamicSecret", "provider", "auth", "kubernetes")
	csi := login(t, "csi/itwin-token.yaml", "SecretProviderClass", "parameters")
	injector := login(t, "agent-injector/deployment.yaml", "Deployment", "template", "metadata", "annotations")
	for name, consumer := range map[string]struct {
		role      node
		audiences []string // with none, the API server's, as the token of a pod has
	}{
		"Vault Secrets Operator":        {operator.at(t, "role"), operator.at(t, "audiences").texts(t)},
		"External Secrets, SecretStore": {store.at(t, "role"), store.at(t, "serviceAccountRef", "audiences").texts(t)},
		"External Secrets, generator":   {generator.at(t, "role"), generator.at(t, "serviceAccountRef", "audiences").texts(t)},
		"Secrets Store CSI driver":      {csi.at(t, "roleName"), []string{csi.at(t, "audience").text(t)}},
		"Agent Injector":                {injector.at(t, "vault.hashicorp.com/role"), nil},
	} {
		secret, err := c.logInFrom(t, consumer.role.text(t), consumer.audiences)
		require.NoError(t, err, name)
		c.read(t, secret.Auth.ClientToken)
		_, err = c.logInFrom(t, consumer.role.text(t), []string{"another"})
		requireStatus(t, err, http.StatusForbidden)
	}
	_, err := c.logInFrom(t, "app", nil) // as the injector logs in
	requireStatus(t, err, http.StatusForbidden)
}

// login is the part of an example's object that says how to log in.
func login(t *testing.T, example, kind string, path ...any) node {
	t.Helper()
	return ofKind(t, yamlDocuments(t, example), kind).at(t, append([]any{"spec"}, path...)...)
}

func (c *cluster) logInFrom(t *testing.T, role string, audiences []string) (*api.Secret, error) {
	t.Helper()
	body := fields{"role": role, "jwt": c.serviceAccountToken(t, "app", audiences)}
	return c.server.Client(t, "").Logical().Write("auth/kubernetes/login", body)
}

func (c *cluster) testSecrets(t *testing.T) {
	// The generator's logins have to end before its next poll, whose interval is shortened as well.
	require.Equal(t, "300", fmt.Sprint(c.mustRead("auth/kubernetes/role/app-generator").Data["token_ttl"]))
	c.mustWrite("auth/kubernetes/role/app-generator", fields{"token_ttl": "5s"})
	c.startExternalSecrets(t)
	const documented = "refreshInterval: 15m"
	replacer := strings.NewReplacer("https://vault.example.com:8200", c.server.Addr, documented, "refreshInterval: 10s")
	for _, file := range []string{"itwin-token.yaml", "generator.yaml"} {
		text := readExample(t, "external-secrets", file)
		require.Contains(t, text, documented)
		c.apply(t, replacer.Replace(text))
	}
	secrets := followers{"itwin-token": c.followSecret("itwin-token"), "itwin-token-generated": c.followSecret("itwin-token-generated")}
	const tokens = 1 + 5 // rotations
	secrets.await(t, clusterStart+tokens*clusterTokenLife, tokens, func() error { return nil })

	// Two more attempts to mint a token are in vain, so that readers depend on the previous one.
	before := c.ims.Exchanges()
	c.ims.Fault(emulator.Fault{Status: http.StatusServiceUnavailable})
	secrets.await(t, clusterTokenLife, tokens, func() error {
		if failed := c.ims.Exchanges() - before; failed < 2 {
			return fmt.Errorf("%w: %d attempts have failed", errNotYet, failed)
		}
		return nil
	})
	c.ims.Heal()
	secrets.await(t, clusterTokenLife, tokens+1, c.fewLogins)
}

// followSecret requires that a Secret is written only with a new token, and has nothing else in it.
func (c *cluster) followSecret(name string) follower {
	var seen history
	var version string
	return func(t *testing.T) int {
		t.Helper()
		text, err := c.call(t, http.MethodGet, "/api/v1/namespaces/app/secrets/"+name, "", "")
		if err != nil { // it isn't there at first
			return len(seen)
		}
		var secret struct {
			Metadata struct{ ResourceVersion string }
			Data     map[string][]byte
		}
		require.NoError(t, json.Unmarshal(text, &secret))
		require.Len(t, secret.Data, 1)
		before := len(seen)
		seen.add(t, c.issued(t, string(secret.Data["access_token"])))
		require.Equal(t, version != secret.Metadata.ResourceVersion, len(seen) > before, "it was written without a new token")
		version = secret.Metadata.ResourceVersion
		return len(seen)
	}
}

// startExternalSecrets runs the operator as the cluster's administrator.
func (c *cluster) startExternalSecrets(t *testing.T) {
	t.Helper()
	// Not `go list`, which says nothing of a module that was built elsewhere.
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/external-secrets/external-secrets")
	download.Dir = filepath.Join(repositoryPath, "dev", "kubernetes", "external-secrets")
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal([]byte(succeed(t, download)), &module))
	definitions, err := filepath.Glob(filepath.Join(module.Dir, "config", "crds", "bases", "*external-secrets.io_*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, definitions)
	for _, path := range definitions {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		c.apply(t, string(text))
	}
	dir := t.TempDir()
	kubeconfig := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: test,
clusters: [{name: test, cluster: {server: %q, certificate-authority-data: %q}}],
users: [{name: test, user: {token: %q}}],
contexts: [{name: test, context: {cluster: test, user: test}}]}`, c.url, base64.StdEncoding.EncodeToString([]byte(c.caCert)), clusterAdmin)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kubeconfig"), []byte(kubeconfig), 0o600))
	c.start(t, "", dir, "env", "KUBECONFIG=kubeconfig", program("external-secrets"), "--metrics-addr="+vaulttest.FreeAddress(t))
}

// fewLogins counts what External Secrets leaves behind in Vault: the SecretStore revokes its logins, and the generator's
// end by themselves. Each may have one, and a sync under way one more for a moment.
func (c *cluster) fewLogins() error {
	logins, err := c.root.Logical().List("sys/leases/lookup/auth/kubernetes/login")
	if err == nil && logins != nil && len(logins.Data["keys"].([]any)) > 4 {
		err = fmt.Errorf("there are %v", logins.Data["keys"])
	}
	return err
}
