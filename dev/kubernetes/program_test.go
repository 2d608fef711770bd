package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// program is the path of a program that `make kubernetes` has built. Without it, the test is skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("KUBERNETES_BIN")
	if dir == "" {
		t.Skip("make kubernetes runs this test, and builds a Kubernetes API server for it")
	}
	return filepath.Join(dir, name)
}

// start runs a program in a folder until the test ends. What it printed is logged if the test failed.
func start(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	cmd := exec.Command(program(t, name), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...), log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()         // reports that it was killed
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("the end of what %s printed:\n%s", name, text[max(0, len(text)-8000):])
		}
	})
}
