// Package programs finds what tests run and the repository doesn't build, such as a browser.
package programs

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Find returns the paths of commands, which are on the PATH or come from a package of Debian. Where they aren't to be
// had, it skips the test, saying what to install; on a CI server, which says CI=true, it fails it, as nobody would miss
// the test there. Only for tests in a folder of dev/.
func Find(tb testing.TB, debianPackage string, commands ...string) []string {
	tb.Helper()
	find := exec.CommandContext(tb.Context(), "../../scripts/program.sh", append([]string{debianPackage}, commands...)...)
	var said strings.Builder
	find.Stderr = &said
	paths, err := find.Output()
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		tb.Fatal(said.String())
	default:
		tb.Skip(said.String())
	}
	return strings.Fields(string(paths))
}
