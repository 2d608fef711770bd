package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

func (c *consumers) testGo(t *testing.T) {
	t.Parallel()
	// In its own folder, and with the caches of whoever runs the tests.
	dir := examplePath("go")
	test := exec.Command("go", "test", "./...")
	test.Dir = dir
	succeed(t, test)

	run := exec.Command("go", "run", ".")
	run.Dir = dir
	run.Env = append(os.Environ(),
		"VAULT_ADDR="+c.server.Addr, "VAULT_TOKEN="+c.reader(t), "ITWIN_API_URL="+c.ims.URL())
	require.Equal(t, appEmail, succeed(t, run))
}

func (c *consumers) testPython(t *testing.T) {
	t.Parallel()
	programs.Find(t, "python3")
	dir := copyExample(t, "python")
	require.Equal(t, appEmail, c.run(t, c.reader(t), dir, "python3", "whoami.py"))
	c.run(t, c.user(t, "itwin-reader", "itwin-operator"), dir, "python3", "-m", "unittest")
}

func (c *consumers) testTypeScript(t *testing.T) {
	t.Parallel()
	programs.Find(t, "node")
	programs.Find(t, "npm")
	dir := copyExample(t, "typescript")
	// With the settings of whoever runs the tests: they say which registry is reached, and how.
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
		"--fetch-retries=1", "--fetch-retry-mintimeout=1000")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		skipWithoutNetwork(t, string(out))
		require.NoErrorf(t, err, "installing the compiler: %s", out)
	}
	c.run(t, c.user(t, "itwin-reader", "itwin-operator"), dir, "npm", "test")
}

// skipWithoutNetwork skips the test if that is why npm failed.
func skipWithoutNetwork(t *testing.T, npmOutput string) {
	t.Helper()
	for _, code := range []string{"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH"} {
		if strings.Contains(npmOutput, code) {
			t.Skipf("npm can't reach its registry: %s", code)
		}
	}
}
