package vaulttest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Edit replaces a text that a source file has once.
type Edit struct {
	File     string // its path in the repository
	Old, New string
}

// Build builds the plugin as `make build` does, but with another version, and from sources that differ by the edits:
// a version that came earlier, or one to come. The sources in the repository stay as they are.
func Build(tb testing.TB, version string, edits ...Edit) Plugin {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), productName+"-"+version)
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-overlay="+overlay(tb, edits),
		"-ldflags=-X main.version="+version, "-o", path, "./cmd/"+productName)
	build.Dir = repository(tb)
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	output(tb, build)
	return Plugin{Name: productName, Version: version, Path: path}
}

// overlay writes the edited files, and the file that tells Go to build them in the place of the repository's.
func overlay(tb testing.TB, edits []Edit) string {
	tb.Helper()
	dir, replace := tb.TempDir(), make(map[string]string)
	for file, text := range edited(tb, edits) {
		path := filepath.Join(dir, filepath.Base(file))
		require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
		replace[file] = path
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(tb, err)
	path := filepath.Join(dir, "overlay.json")
	require.NoError(tb, os.WriteFile(path, text, 0o600))
	return path
}

// edited returns the texts of the edited files by their paths.
func edited(tb testing.TB, edits []Edit) map[string]string {
	tb.Helper()
	texts := make(map[string]string)
	for _, e := range edits {
		file := filepath.Join(repository(tb), e.File)
		if texts[file] == "" {
			text, err := os.ReadFile(file)
			require.NoError(tb, err)
			texts[file] = string(text)
		}
		require.Equalf(tb, 1, strings.Count(texts[file], e.Old), "how often %s has %q", e.File, e.Old)
		texts[file] = strings.Replace(texts[file], e.Old, e.New, 1)
	}
	return texts
}
