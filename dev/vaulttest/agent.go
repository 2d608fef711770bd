package vaulttest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Template is a file that an agent renders.
type Template struct {
	Contents    string // in consul-template's language
	Destination string
}

// Agent is a Vault Agent.
type Agent struct {
	LogPath string

	process *process
}

// StartAgent starts an agent that authenticates with a token it is given and renders templates, with the defaults that
// an operator gets, but that it doesn't give up while Vault has no answer.
func (s *Server) StartAgent(tb testing.TB, token string, templates ...Template) *Agent {
	tb.Helper()
	dir := tb.TempDir()
	tokenPath, configPath := filepath.Join(dir, "token"), filepath.Join(dir, "agent.json")
	require.NoError(tb, os.WriteFile(tokenPath, []byte(token), 0o600))
	writeConfig(tb, configPath, agentConfig(s.Addr, tokenPath, templates))
	a := &Agent{LogPath: filepath.Join(dir, "agent.log")}
	a.process = startProcess(tb, a.LogPath, nil, s.vault, "agent", "-config="+configPath, "-log-level=trace")
	return a
}

func agentConfig(addr, tokenPath string, templates []Template) hcl {
	blocks := make([]hcl, 0, len(templates))
	for _, t := range templates {
		blocks = append(blocks, hcl{"contents": t.Contents, "destination": t.Destination})
	}
	return hcl{
		"vault":           hcl{"address": addr},
		"auto_auth":       hcl{"method": []hcl{{"type": "token_file", "config": hcl{"token_file_path": tokenPath}}}},
		"template":        blocks,
		"template_config": hcl{"exit_on_retry_failure": false},
	}
}

// Stop ends the agent.
func (a *Agent) Stop() { a.process.stop() }

// Running says whether the agent has not ended by itself.
func (a *Agent) Running() bool { return !a.process.ended() }
