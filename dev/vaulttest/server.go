package vaulttest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// startTime is how long a server may take to be of use.
const startTime = 30 * time.Second

// Server is a Vault server, or one node of a cluster. Stop, Kill and Start end and begin its process; its address,
// its files and its log stay.
type Server struct {
	Addr    string // base URL of the API
	LogPath string // what all its processes logged, and its plugins

	vault         string
	dir           string
	pluginDir     string
	listen        string
	clusterListen string
	env           []string
	secrets       *secrets
	process       *process
}

// secrets are what initializing a server, or a cluster, gave.
type secrets struct {
	unsealKey string
	rootToken string
}

// StartServer returns a server that is initialized, unsealed and active.
func StartServer(tb testing.TB, opts Options) *Server {
	tb.Helper()
	s := newServer(tb, opts, tb.TempDir(), nil)
	s.initialize(tb)
	s.unseal(tb)
	s.waitActive(tb)
	return s
}

// newServer starts a server's process and waits until it answers.
func newServer(tb testing.TB, opts Options, pluginDir string, peers []string) *Server {
	tb.Helper()
	s := &Server{
		vault:         vaultBinary(tb),
		dir:           tb.TempDir(),
		pluginDir:     pluginDir,
		listen:        FreeAddress(tb),
		clusterListen: FreeAddress(tb),
		env:           opts.Env,
		secrets:       &secrets{},
	}
	s.Addr = "http://" + s.listen
	s.LogPath = filepath.Join(s.dir, "vault.log")
	require.NoError(tb, os.MkdirAll(filepath.Join(s.dir, "raft"), 0o700))
	writeConfig(tb, s.configPath(), s.serverConfig(opts, peers))
	s.launch(tb)
	return s
}

func (s *Server) configPath() string { return filepath.Join(s.dir, "vault.json") }

func (s *Server) launch(tb testing.TB) {
	tb.Helper()
	s.process = startProcess(tb, s.LogPath, s.env, s.vault, "server", "-config="+s.configPath())
	client := s.Client(tb, "")
	Wait(tb, startTime, "Vault to answer", func() error {
		if !s.Running() {
			require.FailNow(tb, "Vault ended by itself", s.Log(tb))
		}
		_, err := client.Sys().SealStatus()
		return err
	})
}

// Start begins a stopped or killed server again, with the same data, and unseals it. It may be a standby afterwards.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	s.launch(tb)
	s.unseal(tb)
}

// Stop ends the server as an operator does.
func (s *Server) Stop() { s.process.stop() }

// Kill ends the server and its plugins at once, as a machine does that loses power.
func (s *Server) Kill() { s.process.kill() }

// Running says whether the server's process has not ended.
func (s *Server) Running() bool { return !s.process.ended() }

// Restart stops the server and starts it until it is active.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Stop()
	s.Start(tb)
	s.waitActive(tb)
}

// Log is what the server has logged so far.
func (s *Server) Log(tb testing.TB) string {
	tb.Helper()
	text, err := os.ReadFile(s.LogPath)
	require.NoError(tb, err)
	return string(text)
}

// Root is a client with the root token.
func (s *Server) Root(tb testing.TB) *api.Client {
	tb.Helper()
	return s.Client(tb, s.secrets.rootToken)
}

// Client is a client of this server alone: it never retries, so that every failure shows.
func (s *Server) Client(tb testing.TB, token string) *api.Client {
	tb.Helper()
	config := api.DefaultConfig()
	require.NoError(tb, config.Error)
	config.Address, config.AgentAddress = s.Addr, ""
	config.MaxRetries = 0
	client, err := api.NewClient(config)
	require.NoError(tb, err)
	client.ClearNamespace()
	client.SetToken(token)
	return client
}

func (s *Server) waitActive(tb testing.TB) {
	tb.Helper()
	client := s.Client(tb, "")
	Wait(tb, startTime, "Vault to be active", func() error {
		leader, err := client.Sys().Leader()
		if err == nil && leader.HAEnabled && !leader.IsSelf {
			return fmt.Errorf("the leader is %q", leader.LeaderAddress)
		}
		return err
	})
}
