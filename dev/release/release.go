// Package release makes releases in tests, with the repository's own scripts and from a copy of its sources.
package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository, from the folder of any package of dev/.
const root = "../.."

// target is a line of .goreleaser.yaml that names a platform to build for.
var target = regexp.MustCompile(`(?m)^ +- ((?:darwin|freebsd|linux|windows)_[a-z0-9]+)(?:_\S+)?\n`)

// Platforms are those that a release is made for, as linux_amd64.
func Platforms(tb testing.TB) (names []string) {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	require.NoError(tb, err)
	for _, match := range target.FindAllStringSubmatch(string(text), -1) {
		names = append(names, match[1])
	}
	return names
}

// Build copies the sources into a folder, releases them for some platforms, and returns the folder with the files.
func Build(tb testing.TB, dir, version string, platforms []string, environment ...string) string {
	tb.Helper()
	require.NoError(tb, os.MkdirAll(dir, 0o700))
	// Neither a checkout nor what is slow to pack and has tests of its own.
	run(tb, root, "bash", "-c", `tar -cf - --exclude=./{.git,.cache,bin,dist,dev,docs,examples,clients} . | tar -xf - -C "$0"`, dir)
	config := filepath.Join(dir, ".goreleaser.yaml")
	text, err := os.ReadFile(config)
	require.NoError(tb, err)
	narrowed := target.ReplaceAllStringFunc(string(text), func(line string) string {
		if slices.Contains(platforms, target.FindStringSubmatch(line)[1]) {
			return line
		}
		return ""
	})
	require.NoError(tb, os.WriteFile(config, []byte(narrowed), 0o600))
	run(tb, root, "make", "release-tools")
	tools, err := filepath.Abs(filepath.Join(root, ".cache", "bin"))
	require.NoError(tb, err)
	said, err := release(tb, dir, version, tools, environment...)
	require.NoError(tb, err, said)
	return filepath.Join(dir, "dist", version)
}

// release runs a copy of scripts/release.sh with the tools in a folder.
func release(tb testing.TB, dir, version, tools string, environment ...string) (said string, err error) {
	tb.Helper()
	script := exec.CommandContext(tb.Context(), filepath.Join(dir, "scripts", "release.sh"), version)
	// The developer's own keys sign nothing here.
	script.Env = append(os.Environ(), "RELEASE_TOOLS="+tools, "PATH="+tools+":"+os.Getenv("PATH"), "GPG_KEY=", "COSIGN_KEY=")
	script.Env = append(script.Env, environment...)
	output, err := script.CombinedOutput()
	return string(output), err
}

// run returns what a command printed in a folder.
func run(tb testing.TB, dir, name string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), name, args...)
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", said)
	return string(said)
}
