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

const consumerPages = "docs/consumers"

func TestPagesShowExamplesAsTheyAre(t *testing.T) {
	t.Parallel()
	examples := exampleTexts(t)
	command := regexp.MustCompile(`^(vault|consul-template) `)
	for _, path := range pages(t, consumerPages) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			page := readPage(t, path)
			for _, block := range page.Blocks {
				if !runsExample(block.Text) {
					require.Truef(t, isPartOf(examples, "\n"+block.Text), "no file of examples/ has these lines:\n%s", block.Text)
				}
			}
			for _, span := range page.Spans {
				require.Truef(t, !command.MatchString(span) || isPartOf(examples, span), "no file of examples/ has the command %s", span)
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

func TestEveryExampleHasAPage(t *testing.T) {
	t.Parallel()
	linked := make(map[string]bool)
	for _, path := range pages(t, consumerPages) {
		for _, link := range readPage(t, path).Links {
			linked[filepath.Join(consumerPages, link)] = true
		}
	}
	folders, err := os.ReadDir(examplePath())
	require.NoError(t, err)
	for _, folder := range folders {
		// Those are no consumers of tokens: docs/monitoring.md and docs/install.md are their pages.
		if folder.IsDir() && !slices.Contains([]string{"monitoring", "kubernetes"}, folder.Name()) {
			require.Truef(t, linked[filepath.Join("examples", folder.Name())], "no page links to examples/%s", folder.Name())
		}
	}
}
