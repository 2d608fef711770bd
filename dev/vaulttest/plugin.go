package vaulttest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// Register puts a plugin into the plugin directory and the catalog.
func (s *Server) Register(tb testing.TB, p Plugin) {
	tb.Helper()
	binary, err := os.ReadFile(p.Path)
	require.NoError(tb, err)
	// A copy: Vault refuses links that lead out of the directory.
	command := filepath.Base(p.Path)
	require.NoError(tb, os.WriteFile(filepath.Join(s.pluginDir, command), binary, 0o700))
	sum := sha256.Sum256(binary)
	_, err = s.Root(tb).Sys().RegisterPluginDetailed(&api.RegisterPluginInput{
		Name: p.Name, Type: api.PluginTypeSecrets, Version: p.Version, Command: command, SHA256: hex.EncodeToString(sum[:]),
	})
	require.NoError(tb, err)
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
