package vaulttest

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Options say how a server runs. The zero value is a server that survives restarts and logs everything.
type Options struct {
	// InMemory keeps the server's data in memory, so that a restart loses it; otherwise raft keeps it in files.
	InMemory bool
	// LogLevel is trace by default.
	LogLevel string
}

// hcl is a block of Vault's configuration, which may be written as JSON.
type hcl map[string]any

func (s *Server) serverConfig(opts Options, peer *Server) hcl {
	// The multiplier of 1 is what Vault advises for production: elections within seconds.
	raft := hcl{"path": filepath.Join(s.dir, "raft"), "node_id": s.listen, "performance_multiplier": 1}
	if peer != nil {
		raft["retry_join"] = hcl{"leader_api_addr": peer.Addr}
	}
	storage := hcl{"raft": raft}
	if opts.InMemory {
		storage = hcl{"inmem": hcl{}}
	}
	return hcl{
		"storage":              storage,
		"listener":             hcl{"tcp": hcl{"address": s.listen, "cluster_address": s.clusterListen, "tls_disable": true}},
		"api_addr":             s.Addr,
		"cluster_addr":         "https://" + s.clusterListen,
		"plugin_directory":     s.pluginDir,
		"disable_mlock":        true,
		"log_level":            cmp.Or(opts.LogLevel, "trace"),
		"raw_storage_endpoint": true,
	}
}

// writeConfig writes a configuration of Vault into a file.
func writeConfig(tb testing.TB, path string, config hcl) {
	tb.Helper()
	text, err := json.Marshal(config)
	require.NoError(tb, err)
	require.NoError(tb, os.WriteFile(path, text, 0o600))
}
