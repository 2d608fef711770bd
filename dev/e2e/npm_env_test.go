package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

const npmPath = "testdata/npm"

// npmProgram returns the path of a program of testdata/npm, in a folder where it finds its packages.
func npmProgram(t *testing.T, modules, name string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	require.NoError(t, copyFile(filepath.Join(npmPath, name), filepath.Join(dir, name)))
	return filepath.Join(dir, name)
}

// npmModules is the folder of the packages that testdata/npm pins. They are installed once for each lock file, into the
// cache that git ignores.
func npmModules(t *testing.T) string {
	t.Helper()
	programs.Find(t, "npm")
	lock, err := os.ReadFile(filepath.Join(npmPath, "package-lock.json"))
	require.NoError(t, err)
	sum := sha256.Sum256(lock)
	cache, err := filepath.Abs(filepath.Join(repositoryPath, ".cache", "npm"))
	require.NoError(t, err)
	installed := filepath.Join(cache, hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(installed); err == nil {
		return filepath.Join(installed, "node_modules")
	}
	require.NoError(t, os.MkdirAll(cache, 0o700))
	dir, err := os.MkdirTemp(cache, "install") //nolint:usetesting // a folder can't be renamed into another file system
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		require.NoError(t, copyFile(filepath.Join(npmPath, name), filepath.Join(dir, name)))
	}
	npmInstall(t, dir, "ci")
	// Another run of the tests may have been faster; its packages are the same.
	if err := os.Rename(dir, installed); err != nil {
		require.DirExists(t, installed)
	}
	return filepath.Join(installed, "node_modules")
}

// startNode runs a program until the test ends, and returns the first line that it prints.
func startNode(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command("node", append([]string{program}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended already
		_ = cmd.Wait()                                      // reports that it was killed
		if t.Failed() {
			t.Logf("%s printed: %s", filepath.Base(program), &stderr)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}
