package kubernetes

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// startExternalSecrets runs the operator as the cluster's administrator.
func (w *world) startExternalSecrets(t *testing.T) {
	t.Helper()
	// Not `go list`, which says nothing of a module that was built elsewhere.
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/external-secrets/external-secrets")
	download.Dir = "external-secrets"
	answer, err := download.Output()
	require.NoError(t, err)
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal(answer, &module))
	definitions, err := filepath.Glob(filepath.Join(module.Dir, "config", "crds", "bases", "*external-secrets.io_*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, definitions)
	for _, path := range definitions {
		w.apply(t, objects(t, readFile(t, path))...)
	}
	start(t, t.TempDir(), []string{"KUBECONFIG=" + w.writeKubeconfig(t)}, "external-secrets", "--metrics-addr="+vaulttest.FreeAddress(t))
}

// playSecretsOperator plays the Vault Secrets Operator, whose binary can't be had here, by what version 1.4.1 was seen to do
// with the example: it logs in once, comes back half a second or a little more after a token's ttl, and writes the Secret when
// last_vault_rotation has changed.
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
			read, err := readStatic(client, path)
			if err != nil {
				t.Errorf("the operator, reading %s: %v", path, err)
				return
			}
			if read.LastVaultRotation != held {
				held = read.LastVaultRotation
				written.add(read.AccessToken)
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(read.TTL)*time.Second + 650*time.Millisecond):
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		ended.Wait()
	})
	return written
}

// static is what the operator takes from static credentials.
type static struct {
	AccessToken       string `json:"access_token"`
	LastVaultRotation string `json:"last_vault_rotation"`
	TTL               int    `json:"ttl"` // seconds
}

func readStatic(client *api.Client, path string) (read static, err error) {
	secret, err := client.Logical().Read(path)
	if err != nil {
		return read, err
	}
	text, err := json.Marshal(secret.Data)
	if err != nil {
		return read, err
	}
	err = json.Unmarshal(text, &read)
	return read, err
}
