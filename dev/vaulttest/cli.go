package vaulttest

import (
	"os/exec"
	"testing"
)

// CLI runs the vault command against the server and returns what it printed, without the line's end. It must succeed.
func (s *Server) CLI(tb testing.TB, token string, args ...string) string {
	tb.Helper()
	cmd := exec.Command(s.vault, args...)
	cmd.Env = []string{"VAULT_ADDR=" + s.Addr, "VAULT_TOKEN=" + token, "HOME=" + tb.TempDir()}
	return output(tb, cmd)
}
