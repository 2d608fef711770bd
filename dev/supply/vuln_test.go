package supply

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the folder of the product's module.
const root = "../.."

// checked runs scripts/vuln.sh with a program in govulncheck's place.
func checked(t *testing.T, program string) (output string, status int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "govulncheck")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+program+"\n"), 0o700))
	said, err := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", "vuln.sh"), path).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(said), exit.ExitCode()
	}
	require.NoError(t, err)
	return string(said), 0
}

func TestACheckThatCouldNotBeMadeIsNeverAGoodOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		program string
		status  int
		says    string
	}{
		"nothing is known":                 {"echo No vulnerabilities found.", 0, "No vulnerabilities found."},
		"something is found":               {"echo GO-2026-0001; exit 3", 3, "GO-2026-0001"},
		"the database has no address":      {"echo 'fetching vulnerabilities: no such host' >&2; exit 1", 4, "NOT CHECKED: the database"},
		"the database is none":             {"echo 'creating client: unrecognized vulndb format' >&2; exit 1", 4, "NOT CHECKED: the database"},
		"the code doesn't compile":         {"echo 'govulncheck: loading packages' >&2; exit 1", 1, "NOT CHECKED: govulncheck itself failed"},
		"the check is killed half way":     {"echo half; kill -9 $$", 1, "NOT CHECKED: govulncheck itself failed"},
		"a finding quotes a network error": {"echo 'fetching vulnerabilities' >&2; exit 3", 3, "fetching"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, status := checked(t, c.program)
			require.Equal(t, c.status, status, said)
			require.Contains(t, said, c.says)
		})
	}
}
