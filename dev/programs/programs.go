// Package programs finds what tests run and the repository doesn't build, such as a browser.
package programs

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Find returns the path of a command of dev/programs.txt. Where it isn't on the PATH, it skips the test; on a CI server,
// which says CI=true, it fails it, as nobody would miss the test there. Only for tests in a folder of dev/.
func Find(tb testing.TB, command string) (path string) {
	tb.Helper()
	list, err := os.ReadFile("../programs.txt")
	require.NoError(tb, err)
	require.Regexp(tb, `(?m)^[a-z0-9].* `+regexp.QuoteMeta(command)+`\b`, string(list), "add it to dev/programs.txt")
	path, err = exec.LookPath(command)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		tb.Fatalf("%s isn't on the PATH: run make programs", command)
	default:
		tb.Skipf("%s isn't on the PATH: run make programs", command)
	}
	return path
}
