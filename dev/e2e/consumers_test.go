package e2e

import (
	"testing"
	"time"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestConsumers runs the files of examples/ against one Vault. Where a consumer's software can't run here, it does what
// that software's documentation says.
func TestConsumers(t *testing.T) {
	t.Parallel()
	c := newConsumers(t, vaulttest.Options{InMemory: true})
	t.Run("with tokens of an hour", func(t *testing.T) {
		t.Run("the CLI reads a token in every format", c.testCLIReads)
		t.Run("the CLI passes a wrapped token on", c.testCLIWraps)
		t.Run("a batch token reads", c.testBatchToken)
		t.Run("plain HTTP reads a token", c.testHTTP)
		t.Run("hints name the mount's own path", c.testHintsNameTheMount)
		t.Run("Go calls the Platform", c.testGo)
		t.Run("Python calls the Platform", c.testPython)
		t.Run("Terraform finds the token", c.testTerraformReads)
		t.Run("GitHub Actions logs in with its JWT", c.testGitHubActions)
		t.Run("GitLab CI logs in with its JWT", c.testGitLabCI)
		t.Run("the Vault Secrets Operator keeps the token alone", c.testVaultSecretsOperator)
		t.Run("External Secrets polls before a token ends", c.testExternalSecrets)
		t.Run("CSI finds the token", c.testCSI)
		t.Run("the injector's template renders in an Agent", c.testAgentInjector)
		t.Run("each policy allows what it says and nothing more", c.testPolicies)
		t.Run("an auditor finds a token's reader in the audit log", c.testAuditor)
	})

	c.ims.SetLifetime(12 * time.Second)
	c.mustWrite("itwin/rotate/viewer", nil)
	files := c.startRenderers(t)
	t.Run("through rotations", func(t *testing.T) { c.testRotations(t, files) })
	t.Run("after an outage", func(t *testing.T) { c.testOutage(t, files) })
	t.Run("break-glass stops an app's tokens", c.testBreakGlass)
}
