package e2e

import (
	"testing"
	"time"
)

// TestConsumers runs the files of examples/ against one Vault, and holds those whose software can't run here against
// its documented rules.
func TestConsumers(t *testing.T) {
	t.Parallel()
	c := newConsumers(t)
	c.run(t, c.root.Token(), copyExample(t, "policies"), "./write.sh")

	t.Run("with tokens of an hour", func(t *testing.T) {
		t.Run("the CLI reads a token in every format", c.testCLIReads)
		t.Run("the CLI reads every field by its name", c.testCLIHabits)
		t.Run("the CLI hands a wrapped token on, once", c.testCLIWraps)
		t.Run("a batch token reads", c.testBatchToken)
		t.Run("plain HTTP reads a token", c.testHTTP)
		t.Run("hints name the mount's own path", c.testHintsNameTheMount)
		t.Run("Go calls the Platform", c.testGo)
		t.Run("TypeScript is an AuthorizationClient", c.testTypeScript)
		t.Run("Python calls the Platform", c.testPython)
		t.Run("Terraform finds the token", c.testTerraform)
		t.Run("GitHub Actions logs in with its JWT", c.testGitHubActions)
		t.Run("GitLab CI logs in with its JWT", c.testGitLabCI)
		t.Run("the Vault Secrets Operator takes it for static", c.testVaultSecretsOperator)
		t.Run("External Secrets polls before a token ends", c.testExternalSecrets)
		t.Run("CSI finds the token", c.testCSI)
		t.Run("the injector's template renders in an Agent", c.testAgentInjector)
		t.Run("each policy allows what it says and nothing more", c.testPolicies)
		t.Run("an auditor finds a token's reader in the audit log", c.testAuditor)
	})

	c.shortenTokens(t, 12*time.Second)
	c.setUpAppRole(t)
	t.Run("through rotations", func(t *testing.T) {
		t.Run("Vault Agent's file", c.testAgentTemplate)
		t.Run("Vault Agent's app", c.testAgentExec)
		t.Run("Vault Proxy's answer", c.testProxy)
		t.Run("consul-template's file", c.testConsulTemplate)
		t.Run("the Vault Secrets Operator's next sync", c.testOperatorResync)
	})
	t.Run("break-glass stops an app's tokens", c.testBreakGlass)
}
