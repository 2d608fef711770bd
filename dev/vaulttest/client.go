package vaulttest

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// Client is a client of this server alone: it never retries, so that every failure shows.
func (s *Server) Client(tb testing.TB, token string) *api.Client {
	tb.Helper()
	client, err := api.NewClient(&api.Config{Address: s.Addr, Timeout: time.Minute})
	require.NoError(tb, err)
	client.ClearNamespace()
	client.SetToken(token)
	return client
}

// Root is a client with the root token.
func (s *Server) Root(tb testing.TB) *api.Client {
	tb.Helper()
	return s.Client(tb, s.secrets.RootToken)
}

// User makes a token that may do what the policy's rules say, and returns a client with it. The name is the policy's.
func (s *Server) User(tb testing.TB, name, rules string) *api.Client {
	tb.Helper()
	root := s.Root(tb)
	require.NoError(tb, root.Sys().PutPolicy(name, rules))
	secret, err := root.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{name}, TTL: "1h"})
	require.NoError(tb, err)
	return s.Client(tb, secret.Auth.ClientToken)
}

// CLI runs the vault command against the server and returns what it printed, without the line's end. It must succeed.
func (s *Server) CLI(tb testing.TB, token string, args ...string) string {
	tb.Helper()
	cmd := exec.Command(s.vault, args...)
	cmd.Env = []string{"VAULT_ADDR=" + s.Addr, "VAULT_TOKEN=" + token, "HOME=" + tb.TempDir()}
	return output(tb, cmd)
}

// Audit turns an audit device on, called "file", and returns the path of the file that it writes, a JSON object per line.
func (s *Server) Audit(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(s.dir, "audit.log")
	require.NoError(tb, s.Root(tb).Sys().EnableAuditWithOptions("file", &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": path},
	}))
	return path
}
