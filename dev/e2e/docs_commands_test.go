package e2e

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryBlockOfCodeSaysWhatItIs keeps commands from going unchecked because of how their block is marked.
func TestEveryBlockOfCodeSaysWhatItIs(t *testing.T) {
	t.Parallel()
	known := []string{"sh", "sh fails", "sh unrun", "text", "hcl", "json", "yaml", "http", "go", "ts", "python"}
	for _, path := range allPages(t) {
		for _, block := range readPage(t, path).Blocks {
			require.Containsf(t, known, block.Info, "%s, line %d", path, block.Line)
			if block.Info == "sh unrun" {
				requireParsed(t, path, block.Text)
			}
		}
	}
}

func requireParsed(t *testing.T, page, commands string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", commands).CombinedOutput()
	require.NoErrorf(t, err, "%s:\n%s%s", page, commands, output)
}

// requireCommands checks the commands in a page's sentences: make and the vault command have to know them. They are shown
// for people to fill in and pick from, so they aren't run.
func (d *desk) requireCommands(page string) {
	d.t.Helper()
	for _, command := range readPage(d.t, page).Spans {
		var checked string
		switch program, _, _ := strings.Cut(command, " "); {
		case program == "make" && command != "make":
			checked = command // a desk only asks make what it would do
		case program == "cd":
			checked = strings.Replace(command, "cd ", "cd "+d.repository()+"/", 1)
			checked = strings.Replace(checked, "&& ./", "&& test -x ./", 1)
		case program == "vault":
			checked = onlyShown(command)
		}
		if checked == "" {
			continue
		}
		output, err := d.bash(checked)
		require.NoErrorf(d.t, err, "%s: %s\n%s", page, command, output)
	}
}

// onlyShown makes a command of Vault's show the request it would make. It is empty where there is no single one.
func onlyShown(command string) string {
	elsewhere := []string{"vault", "vault agent", "vault proxy", "vault events"} // tests of the examples run the first two
	match := regexp.MustCompile(`^vault ?([a-z-]*)( list| register)?`).FindStringSubmatch(command)
	bare := !strings.Contains(strings.TrimPrefix(command, "vault "), " ")
	if bare || slices.Contains(elsewhere, strings.TrimSpace("vault "+match[1])) {
		return ""
	}
	arguments := strings.NewReplacer("…", "x", "<", "", ">", "", "@", "").Replace(command[len(match[0]):])
	return match[0] + " -output-curl-string" + arguments
}
