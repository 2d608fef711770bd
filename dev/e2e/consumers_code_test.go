package e2e

import (
	"os"
	"os/exec"
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
