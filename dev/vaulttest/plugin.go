package vaulttest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
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
		return build(tb, productName, "v0.0.0-test")
	}
	version := os.Getenv("PLUGIN_VERSION")
	if version == "" {
		version = output(tb, exec.Command(path, "-version"))
	}
	return Plugin{Name: productName, Version: version, Path: path}
}

// Build builds the plugin as `make build` does, but with another version.
func Build(tb testing.TB, version string) Plugin {
	tb.Helper()
	return build(tb, productName+"-"+version, version)
}

func build(tb testing.TB, command, version string) Plugin {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), command)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-X main.version="+version, "-o", path, "./cmd/"+productName)
	cmd.Dir = repository(tb)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	output(tb, cmd)
	return Plugin{Name: productName, Version: version, Path: path}
}

// repository is the folder above dev's module, which the tests run in.
func repository(tb testing.TB) string {
	tb.Helper()
	return filepath.Dir(filepath.Dir(output(tb, exec.Command("go", "env", "GOMOD"))))
}

// Register puts a plugin into the plugin directory and the catalog.
func (s *Server) Register(tb testing.TB, p Plugin) {
	tb.Helper()
	binary, err := os.ReadFile(p.Path)
	require.NoError(tb, err)
	// A copy: Vault refuses links that lead out of the directory.
	require.NoError(tb, os.WriteFile(s.pluginPath(p), binary, 0o700))
	sum := sha256.Sum256(binary)
	_, err = s.Root(tb).Sys().RegisterPluginDetailed(&api.RegisterPluginInput{
		Name: p.Name, Type: api.PluginTypeSecrets, Version: p.Version,
		Command: filepath.Base(s.pluginPath(p)), SHA256: hex.EncodeToString(sum[:]),
	})
	require.NoError(tb, err)
}

func (s *Server) pluginPath(p Plugin) string {
	return filepath.Join(s.pluginDir, filepath.Base(p.Path))
}

// Mount enables a registered plugin at a path, which is without a slash at its end.
func Mount(tb testing.TB, root *api.Client, p Plugin, path string) {
	tb.Helper()
	require.NoError(tb, root.Sys().Mount(path, &api.MountInput{
		Type: p.Name, Config: api.MountConfigInput{PluginVersion: p.Version},
	}))
}

// Reload ends the plugin's process on this server and starts another, as `vault plugin reload` does.
func Reload(tb testing.TB, root *api.Client, p Plugin) {
	tb.Helper()
	_, err := root.Sys().ReloadPlugin(&api.ReloadPluginInput{Plugin: p.Name})
	require.NoError(tb, err)
}
