// Package release makes releases in tests, with the repository's own scripts and from a copy of its sources.
package release

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository, from the folder of any package of dev/.
const root = "../.."

// target is a line of .goreleaser.yaml that names a platform to build for.
var target = regexp.MustCompile(`(?m)^ +- ((?:darwin|freebsd|linux|windows)_[a-z0-9]+)(?:_\S+)?\n`)

// Platforms are those that a release is made for, as linux_amd64.
func Platforms(tb testing.TB) []string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	require.NoError(tb, err)
	var names []string
	for _, match := range target.FindAllStringSubmatch(string(text), -1) {
		names = append(names, match[1])
	}
	return names
}

// copySources copies what a release is made of into a folder, which isn't a checkout.
func copySources(tb testing.TB, dir string) {
	tb.Helper()
	leftOut := []string{".git", ".cache", "bin", "dist", "dev", "docs", "examples", "clients"} // in a worktree, .git is a file
	require.NoError(tb, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(tb, err)
		name, err := filepath.Rel(root, path)
		require.NoError(tb, err)
		switch {
		case slices.Contains(leftOut, name) && entry.IsDir():
			return filepath.SkipDir
		case slices.Contains(leftOut, name):
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o700)
		}
		return copyFile(path, filepath.Join(dir, name))
	}))
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}

// narrow has a copy of the sources released for some platforms only.
func narrow(tb testing.TB, dir string, platforms ...string) {
	tb.Helper()
	path := filepath.Join(dir, ".goreleaser.yaml")
	text, err := os.ReadFile(path)
	require.NoError(tb, err)
	narrowed := target.ReplaceAllStringFunc(string(text), func(line string) string {
		if slices.Contains(platforms, target.FindStringSubmatch(line)[1]) {
			return line
		}
		return ""
	})
	require.NoError(tb, os.WriteFile(path, []byte(narrowed), 0o600))
}

// tools builds what scripts/release.sh runs, and returns the folder.
func tools(tb testing.TB) string {
	tb.Helper()
	ran(tb, root, "make", "release-tools")
	dir, err := filepath.Abs(filepath.Join(root, ".cache", "bin"))
	require.NoError(tb, err)
	return dir
}

// run releases a copy of the sources with the tools in a folder, and returns what scripts/release.sh said. The files are
// in the copy's dist/.
func run(tb testing.TB, dir, version, tools string, environment ...string) (said string, err error) {
	tb.Helper()
	script := exec.CommandContext(tb.Context(), filepath.Join(dir, "scripts", "release.sh"), version)
	// The developer's own keys sign nothing here.
	script.Env = append(withoutMake(script.Environ()), "RELEASE_TOOLS="+tools, "GPG_KEY=", "COSIGN_KEY=")
	script.Env = append(script.Env, environment...)
	output, err := script.CombinedOutput()
	return string(output), err
}

// Build copies the sources into a folder and releases them for some platforms. It returns the folder with the files.
func Build(tb testing.TB, dir, version string, platforms ...string) string {
	tb.Helper()
	copySources(tb, dir)
	narrow(tb, dir, platforms...)
	said, err := run(tb, dir, version, tools(tb))
	require.NoError(tb, err, said)
	return filepath.Join(dir, "dist", version)
}

// withoutMake leaves out what an outer make tells an inner one: its jobs, and variables of the same names.
func withoutMake(environment []string) []string {
	return slices.DeleteFunc(environment, func(entry string) bool {
		return strings.HasPrefix(entry, "MAKE") || strings.HasPrefix(entry, "MFLAGS=") || strings.HasPrefix(entry, "VERSION=")
	})
}

// ran is what a command printed in a folder.
func ran(tb testing.TB, dir, name string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, withoutMake(os.Environ())
	said, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", said)
	return strings.TrimSpace(string(said))
}
