package vaulttest

import (
	"encoding/json"
	"net"
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
	// Env is added to the environment of the server, and so of its plugins, as KEY=value.
	Env []string
}

// hcl is a block of Vault's configuration, which may be written as JSON.
type hcl map[string]any

// serverConfig joins the raft peers at the given API addresses, if any.
func (s *Server) serverConfig(opts Options, peers []string) hcl {
	level := opts.LogLevel
	if level == "" {
		level = "trace"
	}
	return hcl{
		"storage":              s.storageConfig(opts, peers),
		"listener":             []hcl{{"tcp": hcl{"address": s.listen, "cluster_address": s.clusterListen, "tls_disable": true}}},
		"api_addr":             s.Addr,
		"cluster_addr":         "https://" + s.clusterListen,
		"plugin_directory":     s.pluginDir,
		"disable_mlock":        true,
		"log_level":            level,
		"raw_storage_endpoint": true,
	}
}

func (s *Server) storageConfig(opts Options, peers []string) hcl {
	if opts.InMemory {
		return hcl{"inmem": hcl{}}
	}
	// The multiplier of 1 is what Vault advises for production: elections within seconds.
	raft := hcl{"path": filepath.Join(s.dir, "raft"), "node_id": s.listen, "performance_multiplier": 1}
	if len(peers) > 0 {
		join := make([]hcl, 0, len(peers))
		for _, peer := range peers {
			join = append(join, hcl{"leader_api_addr": peer})
		}
		raft["retry_join"] = join
	}
	return hcl{"raft": raft}
}

// writeConfig writes a configuration of Vault into a file.
func writeConfig(tb testing.TB, path string, config hcl) {
	tb.Helper()
	text, err := json.MarshalIndent(config, "", "  ")
	require.NoError(tb, err)
	require.NoError(tb, os.WriteFile(path, text, 0o600))
}

// FreeAddress is a loopback address that nothing listened on a moment ago.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer func() { require.NoError(tb, listener.Close()) }()
	return listener.Addr().String()
}
