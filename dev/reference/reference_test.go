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
	flag.Bool("update", false, "write docs/configuration.md anew")
	os.Exit(m.Run())
}

func TestPageIsWhatTheSchemaSays(t *testing.T) {
	t.Parallel()
	page, err := reference.Page(t.Context())
	require.NoError(t, err)
	path := filepath.Join("..", "..", "docs", "configuration.md")
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(path, page, 0o644))
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(page), string(written), "the schema says something else: run make docs")
}
