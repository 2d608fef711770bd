package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// leastLife is the default of renew_before: each token that is handed out lives at least for so long.
const leastLife = 30 * time.Minute

// testVaultSecretsOperator reads what the example says, and keeps of the answer what its transformation keeps.
func (c *consumers) testVaultSecretsOperator(t *testing.T) {
	documents := yamlDocuments(t, "vault-secrets-operator", "itwin-token.yaml")
	spec := ofKind(t, documents, "VaultDynamicSecret").at(t, "spec")
	require.Equal(t, ofKind(t, documents, "VaultAuth").at(t, "metadata", "name"), spec.at(t, "vaultAuthRef"))
	require.Equal(t, true, spec.at(t, "allowStaticCreds").value)
	require.NotContains(t, spec.value, "params", "params turn the read into a write, which the reader's policy forbids")
	path := spec.at(t, "mount").text(t) + "/" + spec.at(t, "path").text(t)
	answer, err := c.server.Client(t, c.reader(t)).Logical().Read(path)
	require.NoError(t, err)

	transformation := spec.at(t, "destination", "transformation")
	require.Equal(t, true, transformation.at(t, "excludeRaw").value)
	includes := regexp.MustCompile(transformation.at(t, "includes", 0).text(t))
	for field := range answer.Data {
		require.Equal(t, field == "access_token", includes.MatchString(field), field)
	}
}

func (c *consumers) testExternalSecrets(t *testing.T) {
	stored, generated := yamlDocuments(t, "external-secrets", "itwin-token.yaml"), yamlDocuments(t, "external-secrets", "generator.yaml")
	store := ofKind(t, stored, "SecretStore").at(t, "spec", "provider", "vault")
	remote := ofKind(t, stored, "ExternalSecret").at(t, "spec", "data", 0, "remoteRef")
	c.requireField(t, c.reader(t), store.at(t, "path").text(t)+"/"+remote.at(t, "key").text(t), remote.at(t, "property").text(t))
	c.requireField(t, c.reader(t), ofKind(t, generated, "VaultDynamicSecret").at(t, "spec", "path").text(t), "access_token")
	for _, documents := range [][]node{stored, generated} {
		interval, err := time.ParseDuration(ofKind(t, documents, "ExternalSecret").at(t, "spec", "refreshInterval").text(t))
		require.NoError(t, err)
		require.Less(t, interval, leastLife, "a token can expire between two polls")
	}
}

func (c *consumers) testCSI(t *testing.T) {
	documents := yamlDocuments(t, "csi", "itwin-token.yaml")
	class, pod := ofKind(t, documents, "SecretProviderClass"), ofKind(t, documents, "Pod")
	attributes := pod.at(t, "spec", "volumes", 0, "csi", "volumeAttributes")
	require.Equal(t, class.at(t, "metadata", "name"), attributes.at(t, "secretProviderClass"))
	object := decodeYAML(t, class.at(t, "spec", "parameters", "objects").text(t))[0].at(t, 0)
	c.requireField(t, c.reader(t), object.at(t, "secretPath").text(t), object.at(t, "secretKey").text(t))
}

// requireField reads a path and finds an access token in a field of the answer.
func (c *consumers) requireField(t *testing.T, vaultToken, path, field string) {
	t.Helper()
	answer, err := c.server.Client(t, vaultToken).Logical().Read(path)
	require.NoErrorf(t, err, "reading %s", path)
	text, _ := answer.Data[field].(string)
	c.issued(t, text)
}

func (c *consumers) testAgentInjector(t *testing.T) {
	const inject = "vault.hashicorp.com/agent-inject"
	const prefix = inject + "-"
	deployment := yamlDocuments(t, "agent-injector", "deployment.yaml")[0]
	annotations := deployment.at(t, "spec", "template", "metadata", "annotations")
	require.Equal(t, "true", annotations.at(t, inject).text(t))
	require.Equal(t, viewerPath, annotations.at(t, prefix+"secret-itwin-token").text(t))
	template := annotations.at(t, prefix+"template-itwin-token").text(t)

	login, _, _ := strings.Cut(readExample(t, "vault-agent", "template.hcl"), "\ntemplate {")
	config, rendered := filepath.Join(c.appRole, "injector.hcl"), filepath.Join(t.TempDir(), "itwin-token")
	login += fmt.Sprintf("\ntemplate {\n  destination = %q\n  contents = %q\n}\n", rendered, template)
	require.NoError(t, os.WriteFile(config, []byte(login), 0o600))
	c.start(t, "", c.appRole, "vault", "agent", "-config=injector.hcl")
	vaulttest.Wait(t, 20*time.Second, "the agent to render", func() error {
		_, err := os.Stat(rendered)
		return err
	})
	c.rendered(t, rendered)
}
