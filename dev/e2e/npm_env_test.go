package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

// npmPrograms is a folder with the programs of testdata/npm and the packages that it pins.
func npmPrograms(t *testing.T) string {
	t.Helper()
	programs.Find(t, "npm")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/npm")))
	npmInstall(t, dir, "ci")
	return dir
}

// nodeJS returns a command that ends with the test at the latest.
func nodeJS(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{program}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	return cmd
}

// startProvider starts the OpenID provider and returns its issuer.
func startProvider(t *testing.T, dir, method string) string {
	t.Helper()
	provider := nodeJS(t, filepath.Join(dir, "provider.mjs"), clientID, clientSecret, method, "itwin-platform itwins:read")
	provider.Stderr = t.Output()
	stdout, err := provider.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, provider.Start())
	t.Cleanup(func() { _ = provider.Wait() }) // reports that it was killed
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}
