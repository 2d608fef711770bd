package vaulttest

import (
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// Audit turns an audit device on, called "file", and returns the path of the file that it writes, a JSON object per line.
func (s *Server) Audit(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(s.dir, "audit.log")
	require.NoError(tb, s.Root(tb).Sys().EnableAuditWithOptions("file", &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": path},
	}))
	return path
}
