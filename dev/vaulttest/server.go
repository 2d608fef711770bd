package vaulttest

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// startTime is how long a server may take to be of use.
const startTime = 30 * time.Second

var (
	errSealed    = errors.New("still sealed")
	errNotActive = errors.New("not the active node")
)

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
	secrets       *api.InitResponse // of the whole cluster
	process       *process
}

// StartServer returns a server that is initialized, unsealed and active.
func StartServer(tb testing.TB, opts Options) *Server {
	tb.Helper()
	s := newServer(tb, opts, tb.TempDir(), nil)
	var err error
	// A single unseal key: how a key is split is not what is tested.
	s.secrets, err = s.Client(tb, "").Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	require.NoError(tb, err)
	s.Unseal(tb)
	return s
}

// newServer starts a server's process, which joins the raft peer if there is one, and waits until it answers.
func newServer(tb testing.TB, opts Options, pluginDir string, peer *Server) *Server {
	tb.Helper()
	s := &Server{
		vault:         Binary(tb),
		dir:           tb.TempDir(),
		pluginDir:     pluginDir,
		listen:        FreeAddress(tb),
		clusterListen: FreeAddress(tb),
	}
	s.Addr = "http://" + s.listen
	s.LogPath = filepath.Join(s.dir, "vault.log")
	require.NoError(tb, os.MkdirAll(filepath.Join(s.dir, "raft"), 0o700))
	writeConfig(tb, s.configPath(), s.serverConfig(opts, peer))
	s.launch(tb)
	return s
}

// Binary is the absolute path of the Vault to test with.
func Binary(tb testing.TB) string {
	tb.Helper()
	return output(tb, exec.Command(filepath.Join(repository(tb), "scripts", "vault.sh")))
}

// FreeAddress is a loopback address that nothing listened on a moment ago.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer func() { require.NoError(tb, listener.Close()) }()
	return listener.Addr().String()
}

func (s *Server) configPath() string { return filepath.Join(s.dir, "vault.json") }

func (s *Server) launch(tb testing.TB) {
	tb.Helper()
	s.process = startProcess(tb, s.LogPath, s.vault, "server", "-config="+s.configPath())
	client := s.Client(tb, "")
	Wait(tb, startTime, "Vault to answer", func() error {
		if s.process.ended() {
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

// Restart stops the server and starts it until it is active.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Stop()
	s.launch(tb)
	s.Unseal(tb)
}

// Seal seals the server: it forgets its keys and ends its plugins.
func (s *Server) Seal(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, s.Root(tb).Sys().Seal())
}

// Unseal unseals a sealed server and waits until it is active.
func (s *Server) Unseal(tb testing.TB) {
	tb.Helper()
	s.unseal(tb)
	client := s.Client(tb, "")
	Wait(tb, startTime, "Vault to be active", func() error {
		health, err := client.Sys().Health()
		if err == nil && health.Standby {
			return errNotActive
		}
		return err
	})
}

// unseal repeats itself, since a node that is joining a cluster takes the key only once it has heard from the leader.
func (s *Server) unseal(tb testing.TB) {
	tb.Helper()
	client := s.Client(tb, "")
	Wait(tb, startTime, "Vault to be unsealed", func() error {
		status, err := client.Sys().SealStatus()
		if err == nil && status.Sealed {
			_, err = client.Sys().Unseal(s.secrets.Keys[0])
			return errors.Join(errSealed, err)
		}
		return err
	})
}

// Log is what the server has logged so far.
func (s *Server) Log(tb testing.TB) string {
	tb.Helper()
	text, err := os.ReadFile(s.LogPath)
	require.NoError(tb, err)
	return string(text)
}
