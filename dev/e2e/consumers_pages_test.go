package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const consumerPages = "docs/consumers"

// TestPagesShowExamplesAsTheyAre wants each block and each command of a page to be lines of an example, which other tests
// run, or to run a script of one.
func TestPagesShowExamplesAsTheyAre(t *testing.T) {
	t.Parallel()
	examples := exampleTexts(t)
	command, script := regexp.MustCompile(`^(vault|consul-template) `), regexp.MustCompile(`^cd (examples/\S+)\n\./(\S+)\n$`)
	for _, path := range pages(t, consumerPages) {
		page := readPage(t, path)
		var shown []string
		for _, block := range page.Blocks {
			if run := script.FindStringSubmatch(block.Text); run != nil {
				require.FileExists(t, filepath.Join(repositoryPath, run[1], run[2]))
			} else {
				shown = append(shown, "\n"+block.Text)
			}
		}
		for _, span := range page.Spans {
			if command.MatchString(span) {
				shown = append(shown, span)
			}
		}
		for _, text := range shown {
			if !strings.Contains(examples, text) {
				t.Errorf("%s shows what no file of examples/ has: %s", path, text)
			}
		}
	}
}

// exampleTexts are all files of examples/, one after the other.
func exampleTexts(t *testing.T) string {
	t.Helper()
	var texts strings.Builder
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
		texts.WriteString("\n" + string(text))
		return err
	}))
	return texts.String()
}
