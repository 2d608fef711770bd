package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func pagesPath() string { return filepath.Join(repositoryPath, "docs", "consumers") }

func consumerPages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(pagesPath(), "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	pages := make(map[string]string, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		pages[filepath.Base(path)] = string(text)
	}
	return pages
}

// blocks are the texts between fences, each with its last line's end.
func blocks(page string) []string {
	var found []string
	for i, part := range strings.Split("\n"+page, "\n```") {
		if inside := i%2 == 1; inside {
			_, text, _ := strings.Cut(part, "\n")
			found = append(found, text+"\n")
		}
	}
	return found
}

func TestPagesShowExamplesAsTheyAre(t *testing.T) {
	t.Parallel()
	examples := exampleTexts(t)
	for name, page := range consumerPages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, text := range blocks(page) {
				if !runsExample(text) {
					require.Truef(t, isPartOf(examples, "\n"+text), "no file of examples/ has these lines:\n%s", text)
				}
			}
			for _, match := range regexp.MustCompile("`((?:vault|consul-template) [^`]+)`").FindAllStringSubmatch(page, -1) {
				require.Truef(t, isPartOf(examples, match[1]), "no file of examples/ has the command %s", match[1])
			}
		})
	}
}

// runsExample says whether commands go to a folder of the examples and run a script that is there.
func runsExample(commands string) bool {
	match := regexp.MustCompile(`^cd examples/(\S+)\n\./(\S+)\n$`).FindStringSubmatch(commands)
	if match == nil {
		return false
	}
	info, err := os.Stat(examplePath(match[1], match[2]))
	return err == nil && info.Mode()&0o100 != 0
}

func isPartOf(examples map[string]string, text string) bool {
	for _, example := range examples {
		if strings.Contains("\n"+example, text) {
			return true
		}
	}
	return false
}

func exampleTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	require.NoError(t, filepath.WalkDir(examplePath(), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	}))
	return texts
}

func TestEveryExampleHasAPageAndEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	linked := make(map[string]bool)
	for name, page := range consumerPages(t) {
		for _, match := range regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(page, -1) {
			target := filepath.Join(pagesPath(), match[1])
			_, err := os.Stat(target)
			require.NoErrorf(t, err, "%s links to %s", name, match[1])
			linked[filepath.Clean(target)] = true
		}
	}
	folders, err := os.ReadDir(examplePath())
	require.NoError(t, err)
	for _, folder := range folders {
		// Those are no consumers of tokens: docs/monitoring.md and docs/install.md are their pages.
		if folder.IsDir() && !slices.Contains([]string{"monitoring", "kubernetes"}, folder.Name()) {
			require.Truef(t, linked[examplePath(folder.Name())], "no page links to examples/%s", folder.Name())
		}
	}
	for name := range consumerPages(t) {
		if name != "README.md" {
			require.Truef(t, linked[filepath.Join(pagesPath(), name)], "no page links to %s", name)
		}
	}
}
