package supply

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTwoCleanBuildsAreTheSame builds from two folders. `make repro` gives each a build cache of its own as well, which
// compiles everything twice and takes minutes; otherwise what is alike in both may come from the machine's cache.
func TestTwoCleanBuildsAreTheSame(t *testing.T) {
	t.Parallel()
	first := cleanBuild(t, filepath.Join(t.TempDir(), "here"))
	second := cleanBuild(t, filepath.Join(t.TempDir(), "somewhere", "else"))
	require.Equal(t, first, second)
	t.Log("both are", first)
}

// cleanBuild builds a copy of the sources with `make build` and returns the binary's SHA-256.
func cleanBuild(t *testing.T, dir string) string {
	t.Helper()
	copySources(t, dir)
	binary := filepath.Join(dir, "plugin")
	build := exec.CommandContext(t.Context(), "make", "build", "PLUGIN="+binary, "VERSION=v0.0.0-reproduced")
	build.Dir = dir
	if os.Getenv("REPRODUCE") != "" {
		build.Env = append(os.Environ(), "GOCACHE="+t.TempDir())
	}
	said, err := build.CombinedOutput()
	require.NoError(t, err, "%s", said)
	built, err := os.ReadFile(binary)
	require.NoError(t, err)
	sum := sha256.Sum256(built)
	return hex.EncodeToString(sum[:])
}

// copySources leaves out what the plugin isn't built from.
func copySources(t *testing.T, dir string) {
	t.Helper()
	leftOut := []string{".git", ".cache", "bin", "dist", "dev", "docs", "examples"}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		switch {
		case entry.IsDir() && slices.Contains(leftOut, name):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o700)
		}
		return copyFile(path, filepath.Join(dir, name))
	}))
}

// copyFile keeps the permissions: the version is what a script says.
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

func TestThePluginIsBuiltWithoutCAndWithoutPaths(t *testing.T) {
	t.Parallel()
	said, err := exec.CommandContext(t.Context(), "make", "-C", root, "--no-print-directory", "--dry-run", "build").Output()
	require.NoError(t, err)
	for _, want := range []string{"CGO_ENABLED=0 go build", "-trimpath", "-buildvcs=false"} {
		require.Contains(t, string(said), want)
	}
}
