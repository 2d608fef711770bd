package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func (c *consumers) testVaultSecretsOperator(t *testing.T) {
	documents := yamlDocuments(t, "vault-secrets-operator", "itwin-token.yaml")
	auth, spec := ofKind(t, documents, "VaultAuth"), ofKind(t, documents, "VaultDynamicSecret").at(t, "spec")
	require.Equal(t, auth.at(t, "metadata", "name").text(t), spec.at(t, "vaultAuthRef").text(t))
	require.Equal(t, true, spec.at(t, "allowStaticCreds").value)
	require.NotContains(t, spec.value, "params", "params turn the read into a write, which the reader's policy forbids")

	path := spec.at(t, "mount").text(t) + "/" + spec.at(t, "path").text(t)
	vaultToken := c.reader(t)
	first, second := c.readAnswer(t, vaultToken, path), c.readAnswer(t, vaultToken, path)
	resync := requireStaticCredentials(t, first)
	require.LessOrEqual(t, resync, 31*time.Minute+650*time.Millisecond)
	requireSameButTTL(t, first, second)

	transformation := spec.at(t, "destination", "transformation")
	require.Equal(t, true, transformation.at(t, "excludeRaw").value)
	require.Equal(t, []string{"access_token"}, matching(t, first, transformation.at(t, "includes").texts(t)))
}

// testOperatorResync follows the operator's timing through rotations: each sync at its time finds a new token, and knows it
// by a later last_vault_rotation.
func (c *consumers) testOperatorResync(t *testing.T) {
	t.Parallel()
	vaultToken := c.reader(t)
	held := c.readAnswer(t, vaultToken, viewerPath)
	for range 2 {
		time.Sleep(requireStaticCredentials(t, held))
		next := c.readAnswer(t, vaultToken, viewerPath)
		require.NotEqual(t, held.text(t, "token_id"), next.text(t, "token_id"), "the sync came too early")
		require.GreaterOrEqual(t, rotatedAt(t, next).Sub(rotatedAt(t, held)), time.Second)
		require.Positive(t, time.Until(time.Unix(held.seconds(t, "expires_at_unix"), 0)), "the sync came too late")
		held = next
	}
}

func rotatedAt(t *testing.T, a answer) time.Time {
	t.Helper()
	rotated, err := time.Parse(time.RFC3339, a.text(t, "last_vault_rotation"))
	require.NoError(t, err)
	return rotated
}

// requireStaticCredentials restates how the operator tells and times static credentials: a last_vault_rotation in
// RFC 3339 and a rotation_period of at least a second; it comes back half a second or a little more after the ttl, which is returned.
func requireStaticCredentials(t *testing.T, a answer) time.Duration {
	t.Helper()
	require.Positive(t, rotatedAt(t, a).Unix())
	require.GreaterOrEqual(t, a.seconds(t, "rotation_period"), int64(1))
	ttl := a.seconds(t, "ttl")
	require.Greater(t, ttl, int64(2), "with an unchanged last_vault_rotation, 2 or less makes the operator loop")
	require.Empty(t, a.LeaseID)
	return time.Duration(ttl)*time.Second + 650*time.Millisecond
}

// requireSameButTTL restates why the operator restarts workloads: any field but ttl that differs between two reads.
func requireSameButTTL(t *testing.T, first, second answer) {
	t.Helper()
	require.Equal(t, first.text(t, "last_vault_rotation"), second.text(t, "last_vault_rotation"), "a rotation came between")
	delete(first.Data, "ttl")
	delete(second.Data, "ttl")
	require.Equal(t, first.Data, second.Data)
}

// matching are the fields of an answer that one of the patterns matches.
func matching(t *testing.T, a answer, patterns []string) []string {
	t.Helper()
	var found []string
	for field := range a.Data {
		for _, pattern := range patterns {
			if regexp.MustCompile(pattern).MatchString(field) {
				found = append(found, field)
			}
		}
	}
	return found
}

// testExternalSecrets holds both examples to what `make kubernetes` runs with shorter intervals.
func (c *consumers) testExternalSecrets(t *testing.T) {
	store := yamlDocuments(t, "external-secrets", "itwin-token.yaml")
	read, vault := ofKind(t, store, "ExternalSecret").at(t, "spec"), ofKind(t, store, "SecretStore").at(t, "spec", "provider", "vault")
	remote := read.at(t, "data", 0, "remoteRef")
	require.Equal(t, "access_token", remote.at(t, "property").text(t))
	c.requirePolls(t, vault.at(t, "path").text(t)+"/"+remote.at(t, "key").text(t), read)

	generated := yamlDocuments(t, "external-secrets", "generator.yaml")
	generator := ofKind(t, generated, "VaultDynamicSecret")
	c.requirePolls(t, generator.at(t, "spec", "path").text(t), ofKind(t, generated, "ExternalSecret").at(t, "spec"))
}

func (c *consumers) requirePolls(t *testing.T, path string, secret node) {
	t.Helper()
	a := c.readAnswer(t, c.reader(t), path)
	interval, err := time.ParseDuration(secret.at(t, "refreshInterval").text(t))
	require.NoError(t, err)
	require.Less(t, interval, leastLifeLeft(t, a), "a token can expire between two polls")
	c.issued(t, a.text(t, "access_token"))
}

// leastLifeLeft is what any token handed out lives on for: its lifetime less the time until its rotation.
func leastLifeLeft(t *testing.T, a answer) time.Duration {
	t.Helper()
	rotation := rotatedAt(t, a).Add(time.Duration(a.seconds(t, "rotation_period")) * time.Second)
	return time.Unix(a.seconds(t, "expires_at_unix"), 0).Sub(rotation)
}

func (c *consumers) testCSI(t *testing.T) {
	documents := yamlDocuments(t, "csi", "itwin-token.yaml")
	class := ofKind(t, documents, "SecretProviderClass")
	volume := ofKind(t, documents, "Pod").at(t, "spec", "volumes", 0, "csi")
	name := class.at(t, "metadata", "name").text(t)
	require.Equal(t, name, volume.at(t, "volumeAttributes", "secretProviderClass").text(t))

	objects := decodeYAML(t, class.at(t, "spec", "parameters", "objects").text(t))[0]
	object := objects.at(t, 0)
	a := c.readAnswer(t, c.reader(t), object.at(t, "secretPath").text(t))
	c.issued(t, a.text(t, object.at(t, "secretKey").text(t)))
	require.Less(t, 2*time.Minute, leastLifeLeft(t, a), "a token can expire between two polls of the driver")
}

func (c *consumers) testAgentInjector(t *testing.T) {
	const prefix = "vault.hashicorp.com/"
	deployment := yamlDocuments(t, "agent-injector", "deployment.yaml")[0]
	annotations := deployment.at(t, "spec", "template", "metadata", "annotations")
	require.Equal(t, "true", annotations.at(t, prefix+"agent-inject").text(t))
	require.Equal(t, viewerPath, annotations.at(t, prefix+"agent-inject-secret-itwin-token").text(t))

	file := filepath.Join(t.TempDir(), "itwin-token")
	c.server.StartAgent(t, c.reader(t), vaulttest.Template{
		Contents: annotations.at(t, prefix+"agent-inject-template-itwin-token").text(t), Destination: file,
	})
	vaulttest.Wait(t, 20*time.Second, "the agent to render", func() error {
		_, err := os.Stat(file)
		return err
	})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	c.issued(t, string(text))
}
