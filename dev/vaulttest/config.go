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
	// Env is added to the environment of the server, and so of its plugins, as KEY=value.
	Env []string
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

// Template is a file that an agent renders.
type Template struct {
	Contents    string // in consul-template's language
	Destination string
}

// Agent is a Vault Agent.
type Agent struct{ process *process }

// StartAgent starts an agent that authenticates with a token it is given and renders a template, with the defaults that
// an operator gets, but that it doesn't give up while Vault has no answer.
func (s *Server) StartAgent(tb testing.TB, token string, template Template) *Agent {
	tb.Helper()
	dir := tb.TempDir()
	tokenPath, configPath := filepath.Join(dir, "token"), filepath.Join(dir, "agent.json")
	require.NoError(tb, os.WriteFile(tokenPath, []byte(token), 0o600))
	writeConfig(tb, configPath, hcl{
		"vault":           hcl{"address": s.Addr},
		"auto_auth":       hcl{"method": []hcl{{"type": "token_file", "config": hcl{"token_file_path": tokenPath}}}},
		"template":        []hcl{{"contents": template.Contents, "destination": template.Destination}},
		"template_config": hcl{"exit_on_retry_failure": false},
	})
	log := filepath.Join(dir, "agent.log")
	return &Agent{startProcess(tb, log, nil, s.vault, "agent", "-config="+configPath, "-log-level=trace")}
}

// Running says whether the agent has not ended by itself.
func (a *Agent) Running() bool { return !a.process.ended() }
