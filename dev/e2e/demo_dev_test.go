package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

// TestDevSuggestsWhatWorks types all that `make dev` suggests, in a shell of another terminal.
func TestDevSuggestsWhatWorks(t *testing.T) {
	t.Parallel()
	curl := programs.Find(t, "curl")
	demo := newDemoRun(t, buildEmulator(t), []string{"dev"}, nil)
	demo.start(t)
	printed := strings.Join(demo.until(t, "# Ctrl-C in this terminal stops"), "\n")
	requireNoToken(t, printed)
	_, suggested, found := strings.Cut(printed, "# It is all running now, in ")
	require.True(t, found, printed)
	for _, name := range []string{"vault.log", "plugins", "secret.txt", "root.token", "reader.token"} {
		folder, _, _ := strings.Cut(suggested, ". There are ")
		require.Contains(t, folder, demo.folder)
		_, err := os.Stat(filepath.Join(folder, name))
		require.NoError(t, err)
	}

	typed := typeAll(t, suggestedLines(suggested), filepath.Dir(curl))
	const rotation = "vault write -f itwin/rotate"
	var failed []string
	checked := 0
	for _, line := range typed {
		if line.code != "0" {
			failed = append(failed, line.text)
			require.Contains(t, line.output, "Code: 502")
		}
		if strings.Contains(line.text, "itwin/check/") {
			checked++
			require.Regexp(t, `(?m)^ok +true$`, line.output, line.text)
		}
	}
	require.Equal(t, []string{rotation}, failed, "but for the rotation while IMS fails, all work")
	require.Equal(t, 2, checked)
	require.Contains(t, printed, "client_secret=@secret.txt \\\n  authority=http://127.0.0.1:")

	demo.interrupt(t)
	_, code := demo.wait(t)
	require.Zero(t, code)
}

// suggestedLines are the lines to type, each whole.
func suggestedLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n  ", ""), "\n") {
		if regexp.MustCompile(`^(\w+="\$\(.*\)" )?(cd|export|vault|curl) `).MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

type typedLine struct{ text, output, code string }

// typeAll types lines into one bash, which goes on after one that fails.
func typeAll(t *testing.T, lines []string, folder string) []typedLine {
	t.Helper()
	const mark = "\x01"
	var script strings.Builder
	for _, line := range lines {
		script.WriteString(line + "\nprintf '" + mark + "%s" + mark + "' \"$?\"\n")
	}
	bash := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	bash.Env = []string{"PATH=" + folder + ":/usr/bin:/bin", "HOME=" + t.TempDir()}
	output, err := bash.CombinedOutput()
	require.NoError(t, err, string(output))
	parts := strings.Split(string(output), mark)
	require.Len(t, parts, 2*len(lines)+1, string(output))
	typed := make([]typedLine, len(lines))
	for i, line := range lines {
		typed[i] = typedLine{text: line, output: parts[2*i], code: parts[2*i+1]}
	}
	return typed
}
