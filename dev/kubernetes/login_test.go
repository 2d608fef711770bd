package kubernetes

import (
	"net/http"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// consumer says how one logs in: by which role of Vault's, with a token of the app's service account for which audiences.
type consumer struct {
	role      string
	audiences []string // with none, the API server's, as the token of a pod has
}

func secretsOperator(t *testing.T) consumer {
	t.Helper()
	auth := ofKind(t, example(t, "vault-secrets-operator/itwin-token.yaml"), "VaultAuth")
	return consumer{auth.text(t, "spec.kubernetes.role"), auth.texts(t, "spec.kubernetes.audiences")}
}

func externalSecrets(t *testing.T, file, kind, provider string) consumer {
	t.Helper()
	login := ofKind(t, example(t, "external-secrets/"+file), kind)
	provider += ".auth.kubernetes"
	return consumer{login.text(t, provider+".role"), login.texts(t, provider+".serviceAccountRef.audiences")}
}

func csi(t *testing.T) consumer {
	t.Helper()
	class := ofKind(t, example(t, "csi/itwin-token.yaml"), "SecretProviderClass")
	return consumer{class.text(t, "spec.parameters.roleName"), []string{class.text(t, "spec.parameters.audience")}}
}

func agentInjector(t *testing.T) consumer {
	t.Helper()
	annotations := ofKind(t, example(t, "agent-injector/deployment.yaml"), "Deployment").at(t, "spec.template.metadata.annotations")
	return consumer{role: annotations.(object)["vault.hashicorp.com/role"].(string)}
}

func (w *world) loginAs(t *testing.T, c consumer) (*api.Client, error) {
	t.Helper()
	return w.login(t, c.role, w.serviceAccountToken(t, "app", "app", c.audiences...))
}

// TestEachConsumersRoleTakesItsAudienceAndNoOther logs in as each consumer of the pages does; the API server reviews the tokens.
func TestEachConsumersRoleTakesItsAudienceAndNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]consumer{
		"Vault Secrets Operator":        secretsOperator(t),
		"External Secrets, SecretStore": externalSecrets(t, "itwin-token.yaml", "SecretStore", "spec.provider.vault"),
		"External Secrets, generator":   externalSecrets(t, "generator.yaml", "VaultDynamicSecret", "spec.provider"),
		"Secrets Store CSI driver":      csi(t),
		"Agent Injector":                agentInjector(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := w.loginAs(t, c)
			require.NoError(t, err)
			_, err = client.Logical().Read("itwin/token/viewer")
			require.NoError(t, err)
			w.requireForbidden(t, consumer{role: c.role, audiences: []string{"another"}})
		})
	}
	w.requireForbidden(t, consumer{role: "app"}) // as the injector logs in
}

func (w *world) requireForbidden(t *testing.T, c consumer) {
	t.Helper()
	_, err := w.loginAs(t, c)
	var answer *api.ResponseError
	require.ErrorAs(t, err, &answer, "role %s, audiences %v", c.role, c.audiences)
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
}
