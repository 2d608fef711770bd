package reference_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/reference"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write docs/configuration.md and testdata/openapi.golden.json anew")
	os.Exit(m.Run())
}

func TestPageIsWhatTheSchemaSays(t *testing.T) {
	t.Parallel()
	page, err := reference.Page(t.Context())
	require.NoError(t, err)
	requireWritten(t, filepath.Join("..", "..", "docs", "configuration.md"), page)
}

// requireWritten compares a file with what make docs writes into it.
func requireWritten(t *testing.T, path string, want []byte) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(path, want, 0o644))
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err, "run make docs")
	require.Equal(t, string(want), string(written), "the schema says something else: run make docs")
}
