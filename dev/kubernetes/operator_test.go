package kubernetes

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startExternalSecrets runs the operator as the cluster's administrator.
func (w *world) startExternalSecrets(t *testing.T) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/external-secrets/external-secrets")
	list.Dir = "external-secrets"
	dir, err := list.Output()
	require.NoError(t, err)
	definitions, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "config", "crds", "bases", "*external-secrets.io_*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, definitions)
	for _, path := range definitions {
		w.apply(t, objects(t, readFile(t, path))...)
	}
	start(t, t.TempDir(), []string{"KUBECONFIG=" + w.writeKubeconfig(t)}, "external-secrets", "--metrics-addr="+freeAddress(t))
}

// playSecretsOperator plays the Vault Secrets Operator, whose binary can't be had here, by what version 1.4.1 was seen to do
// with the example: it logs in once, comes back half a second or a little more after a token's ttl, and
// writes the Secret when last_vault_rotation has changed.
func (w *world) playSecretsOperator(t *testing.T) *copies {
	t.Helper()
	all := example(t, "vault-secrets-operator/itwin-token.yaml")
	spec := ofKind(t, all, "VaultDynamicSecret")
	require.Equal(t, true, spec.at(t, "spec.allowStaticCreds"), "it would not come back")
	client, err := w.loginAs(t, secretsOperator(t))
	require.NoError(t, err)
	path := spec.text(t, "spec.mount") + "/" + spec.text(t, "spec.path")

	written, stop := &copies{name: "the Secret of the Vault Secrets Operator"}, make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		var held string
		for {
			secret, err := client.Logical().Read(path)
			if !assert.NoError(t, err) {
				return
			}
			if rotation := secret.Data["last_vault_rotation"].(string); rotation != held {
				held = rotation
				written.add(secret.Data["access_token"].(string))
			}
			select {
			case <-stop:
				return
			case <-time.After(ttlOf(t, secret) + 650*time.Millisecond):
			}
		}
	})
	t.Cleanup(func() { close(stop); ended.Wait() })
	return written
}

// ttlOf is when the answer says to come back.
func ttlOf(t *testing.T, secret *api.Secret) time.Duration {
	t.Helper()
	ttl, err := secret.Data["ttl"].(json.Number).Int64()
	assert.NoError(t, err)
	return time.Duration(ttl) * time.Second
}
