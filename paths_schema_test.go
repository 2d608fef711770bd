package itwin

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestEveryPathHasHelp(t *testing.T) {
	t.Parallel()
	for _, path := range newEnv(t).Paths {
		t.Run(path.Pattern, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, path.HelpSynopsis)
			require.NotEmpty(t, path.HelpDescription)
			require.Equal(t, operationPrefix, path.DisplayAttrs.OperationPrefix)
			for name, field := range path.Fields {
				require.NotEmpty(t, field.Description, name)
			}
			for op, handler := range path.Operations {
				mustExplain(t, op, handler.Properties())
			}
		})
	}
}

func mustExplain(t *testing.T, op logical.Operation, p framework.OperationProperties) {
	t.Helper()
	require.NotEmpty(t, p.Summary, op)
	require.NotEmpty(t, p.DisplayAttrs.OperationVerb, op)
	require.Len(t, p.Responses, 1, op)
	for status, responses := range p.Responses {
		for _, r := range responses {
			require.NotEmpty(t, r.Description, op)
			require.Equal(t, status == http.StatusOK, len(r.Fields) > 0 || r.MediaType != "", op)
			for name, field := range r.Fields {
				require.NotEqual(t, framework.TypeInvalid, field.Type, name)
				require.NotEmpty(t, field.Description, name)
			}
		}
	}
}

func TestOperationsThatWriteAreForwardedToTheLeader(t *testing.T) {
	t.Parallel()
	for _, path := range newEnv(t).Paths {
		for op, handler := range path.Operations {
			reads := op == logical.ReadOperation || op == logical.ListOperation ||
				path.Fields[keyMinTTL] != nil || path.Fields[keyToken] != nil
			p := handler.Properties()
			require.Equal(t, !reads, p.ForwardPerformanceStandby, "%s %s", op, path.Pattern)
			require.Equal(t, !reads, p.ForwardPerformanceSecondary, "%s %s", op, path.Pattern)
		}
	}
}

func TestOperationsInOpenAPIHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	resp, err := e.HandleRequest(t.Context(), &logical.Request{Operation: logical.HelpOperation, Storage: e.storage})
	require.NoError(t, err)
	require.Contains(t, resp.Data["help"], "vault read itwin/token")

	document := resp.Data["openapi"].(*framework.OASDocument)
	var names []string
	for _, path := range document.Paths {
		for _, op := range []*framework.OASOperation{path.Get, path.Post, path.Patch, path.Delete} {
			if op != nil {
				names = append(names, op.OperationID)
			}
		}
	}
	slices.Sort(names)
	require.Equal(t, []string{
		"itwin-check-app", "itwin-check-role",
		"itwin-configure-app-configuration", "itwin-configure-configuration",
		"itwin-delete-app-configuration", "itwin-delete-configuration", "itwin-delete-role",
		"itwin-introspect-token", "itwin-list-apps", "itwin-list-roles",
		"itwin-patch-app-configuration", "itwin-patch-configuration", "itwin-patch-role",
		"itwin-read-app-configuration", "itwin-read-configuration", "itwin-read-metrics", "itwin-read-role",
		"itwin-read-role-token", "itwin-read-status", "itwin-read-token", "itwin-request-role-token", "itwin-request-token",
		"itwin-rotate-role-token", "itwin-rotate-token", "itwin-write-role",
	}, names)
}

// TestPathsMatchTheGoldenFile compares what the mount offers with a list that
// reviewers see change. Run it with -update to write the list anew.
func TestPathsMatchTheGoldenFile(t *testing.T) {
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
