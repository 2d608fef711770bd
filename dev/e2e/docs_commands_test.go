package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryBlockOfCodeSaysWhatItIs keeps commands from going unchecked because of how their block is marked.
func TestEveryBlockOfCodeSaysWhatItIs(t *testing.T) {
	t.Parallel()
	known := []string{"sh", "sh fails", "sh unrun", "text", "hcl", "json", "yaml", "http", "go", "ts", "python"}
	for _, path := range allPages(t) {
		for _, block := range readPage(t, path).Blocks {
			require.Containsf(t, known, block.Info, "%s:\n%s", path, block.Text)
			if block.Info == "sh unrun" {
				output, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", block.Text).CombinedOutput()
				require.NoErrorf(t, err, "%s:\n%s%s", path, block.Text, output)
			}
		}
	}
}

func TestSentencesNameTargetsAndScriptsThatExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(repositoryPath, "Makefile"))
	require.NoError(t, err)
	targets := regexp.MustCompile(`(?m)^[a-z0-9-]+:`).FindAllString(string(makefile), -1)
	target, script := regexp.MustCompile(`^make ([a-z0-9-]+)`), regexp.MustCompile(`^cd (\S+) && \./(\S+)`)
	for _, path := range allPages(t) {
		for _, span := range readPage(t, path).Spans {
			if named := target.FindStringSubmatch(span); named != nil {
				require.Contains(t, targets, named[1]+":", path)
			}
			if named := script.FindStringSubmatch(span); named != nil {
				require.FileExists(t, filepath.Join(repositoryPath, named[1], named[2]), path)
			}
		}
	}
}
