package release

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is the folder of the product's module.
const repository = "../.."

// smallProgram is enough of a program to be built by the product's Makefile, in no time.
const smallProgram = `package main

import "os"

var version = ""

func main() { os.Stdout.WriteString(version + "\n") }
`

// smallProduct makes a repository that is built and released as the product is.
func smallProduct(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	require.NoError(t, err)
	write(t, filepath.Join(root, "Makefile"), string(makefile))
	write(t, filepath.Join(root, "go.mod"), "module small\n\ngo 1.26.0\n")
	write(t, filepath.Join(root, changelogFile), "# Changelog\n\n## Unreleased\n\n* Something new.\n")
	for _, program := range []string{pluginName, auditName} {
		write(t, filepath.Join(root, "cmd", program, "main.go"), smallProgram)
	}
	return root
}

// small are options to release a small product with.
func small(t *testing.T) Options {
	t.Helper()
	return Options{
		Root: smallProduct(t), Version: "v1.2.3", Platforms: []string{"linux/amd64"},
		Out: filepath.Join(t.TempDir(), "dist", "v1.2.3"),
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	return string(text)
}

// list are the names of a folder's entries.
func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// unpacked is what an archive's entry holds.
func unpacked(t *testing.T, archive, name string) []byte {
	t.Helper()
	opened, err := zip.OpenReader(archive)
	require.NoError(t, err)
	defer func() { require.NoError(t, opened.Close()) }()
	entry, err := opened.Open(name)
	require.NoError(t, err)
	content, err := io.ReadAll(entry)
	require.NoError(t, err)
	return content
}

// ran is what a command prints.
func ran(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return strings.TrimSpace(string(said))
}
