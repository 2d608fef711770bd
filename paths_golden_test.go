package itwin

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/stretchr/testify/require"
)

// TestPathsChangeOnlyOnPurpose compares what the mount offers with a list that
// reviewers see change. Run it with -update to write the list anew.
func TestPathsChangeOnlyOnPurpose(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "paths.golden")
	served := describePaths(newEnv(t).Backend)
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(golden, []byte(served), 0o600))
	}
	listed, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(listed), served)
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write testdata/paths.golden anew")
	os.Exit(m.Run())
}

// describePaths lists paths, operations, fields and what Vault treats specially,
// one to a line.
func describePaths(b *framework.Backend) string {
	var lines []string
	for _, path := range b.Paths {
		for op := range path.Operations {
			lines = append(lines, fmt.Sprintf("path %s: %s", path.Pattern, op))
		}
		for name, field := range path.Fields {
			lines = append(lines, fmt.Sprintf("path %s: field %s %s", path.Pattern, name, field.Type))
		}
	}
	slices.Sort(lines)
	special := map[string][]string{
		"unauthenticated": b.PathsSpecial.Unauthenticated,
		"root":            b.PathsSpecial.Root,
		"local storage":   b.PathsSpecial.LocalStorage,
		"seal wrap":       b.PathsSpecial.SealWrapStorage,
	}
	for _, name := range slices.Sorted(maps.Keys(special)) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("special %s: %s", name, strings.Join(special[name], " "))))
	}
	return strings.Join(lines, "\n") + "\n"
}
