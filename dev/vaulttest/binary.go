package vaulttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const productName = "vault-plugin-secrets-itwin"

// Plugin is a plugin binary as Vault's catalog knows it.
type Plugin struct {
	Name    string
	Version string // a SemVer; Vault refuses to run a plugin that reports another one
	Path    string
}

// Product is the plugin that this repository makes: the binary that PLUGIN_BIN names, or one built into the test's
// folder. PLUGIN_VERSION is its version; without it the binary is asked.
func Product(tb testing.TB) Plugin {
	tb.Helper()
	path := os.Getenv("PLUGIN_BIN")
	if path == "" {
		path = filepath.Join(tb.TempDir(), productName)
		// As the Makefile does: Go then finds all of its packages compiled.
		build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./cmd/"+productName)
		build.Dir, build.Env = repository(tb), append(os.Environ(), "CGO_ENABLED=0")
		output(tb, build)
	}
	version := os.Getenv("PLUGIN_VERSION")
	if version == "" {
		version = output(tb, exec.Command(path, "-version"))
	}
	return Plugin{Name: productName, Version: version, Path: path}
}

// vaultBinary is the path of the Vault to test with.
func vaultBinary(tb testing.TB) string {
	tb.Helper()
	if path := os.Getenv("VAULT_BIN"); path != "" {
		return path
	}
	return output(tb, exec.Command(filepath.Join(repository(tb), "scripts", "vault.sh")))
}

// repository is the folder above dev's module, which the tests run in.
func repository(tb testing.TB) string {
	tb.Helper()
	return filepath.Dir(filepath.Dir(output(tb, exec.Command("go", "env", "GOMOD"))))
}

// output runs a command that must succeed and returns what it printed, without the line's end.
func output(tb testing.TB, cmd *exec.Cmd) string {
	tb.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	require.NoErrorf(tb, err, "running %v: %s", cmd.Args, &stderr)
	return strings.TrimSpace(string(stdout))
}
