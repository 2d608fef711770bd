package supply

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// table has the rows of the only table below a heading of a page in docs, cell by cell.
func table(t *testing.T, page, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", page))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	require.True(t, found, heading)
	section, _, _ = strings.Cut(section, "\n## ")
	_, body, found := strings.Cut(section, "\n|---")
	require.True(t, found, heading)
	head, body, _ := strings.Cut(body, "|\n")
	var all [][]string
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		require.Len(t, cells, 1+strings.Count(head, "|---"), line)
		for i, cell := range cells {
			cells[i] = strings.TrimSpace(cell)
		}
		all = append(all, cells)
	}
	require.NotEmpty(t, all, heading)
	return all
}

// tests are the names of all tests and fuzz targets in the tree.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(\w+ \*testing\.[TF]\)`)
	names := make(map[string]bool)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() && (entry.Name() == ".cache" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, match := range function.FindAllStringSubmatch(string(text), -1) {
			names[match[1]] = true
		}
		return nil
	}))
	return names
}

func TestEveryPromiseIsKeptByTestsThatExist(t *testing.T) {
	t.Parallel()
	known, seen := tests(t), make(map[string]bool)
	for _, row := range table(t, "security.md", "Promises") {
		promise, named := row[0], regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1)
		require.False(t, seen[promise], "twice: %s", promise)
		seen[promise] = true
		require.NotEmpty(t, named, promise)
		for _, name := range named {
			require.True(t, known[name[1]], "%s: there is no %s", promise, name[1])
		}
	}
}

func TestEveryDependencyIsJustified(t *testing.T) {
	t.Parallel()
	read := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	read.Dir = root
	text, err := read.Output()
	require.NoError(t, err)
	var module struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	require.NoError(t, json.Unmarshal(text, &module))
	var direct, justified []string
	for _, r := range module.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	for _, row := range table(t, "security.md", "Dependencies") {
		justified = append(justified, strings.Trim(row[0], "`"))
		require.NotEmpty(t, row[1], row[0])
	}
	require.ElementsMatch(t, direct, justified)
}
