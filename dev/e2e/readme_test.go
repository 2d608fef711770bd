package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestReadmeAndTheOtherPagesAreRunAsTheyStand(t *testing.T) {
	t.Parallel()
	d := newDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	d.cues = []*cue{{at: "vault read itwin/token/viewer\n", after: requireReadmeTable}}
	d.work("README.md")
	d.requireRendered()
	d.runSpans("README.md")

	d.server.Audit(t)
	for _, page := range pages(t, "docs") {
		if !slices.Contains(testedElsewhere(), filepath.Base(page)) {
			d.work(page)
		}
	}
}

// testedElsewhere are the pages whose commands need more than a Vault after the README, and have tests of their own.
func testedElsewhere() []string {
	return []string{"operations.md", "troubleshooting.md", "monitoring.md", "auditing.md"}
}

// requireReadmeTable compares the table that the README shows, row by row, with the one that Vault prints.
func requireReadmeTable(t *testing.T, output string) {
	t.Helper()
	table, _, _ := strings.Cut(output, "\ney") // the token alone follows
	for _, block := range readPage(t, "README.md").Blocks {
		if block.Info == "text" {
			require.Equal(t, firstColumn(block.Text), firstColumn(table))
			return
		}
	}
	require.Fail(t, "the README shows no table")
}

func firstColumn(table string) []string {
	var column []string
	for line := range strings.SplitSeq(strings.TrimSpace(table), "\n") {
		first, _, _ := strings.Cut(line, " ")
		column = append(column, first)
	}
	return column
}

// requireRendered lets a Vault Agent with the README's template render one time.
func (d *desk) requireRendered() {
	d.t.Helper()
	const destination = "/run/app/itwin-token"
	config := "exit_after_auth = true\nauto_auth {\n  method \"token_file\" {\n    config = { token_file_path = \"vault-token\" }\n  }\n}\n"
	for _, block := range readPage(d.t, "README.md").Blocks {
		if block.Info == "hcl" {
			config += block.Text
		}
	}
	require.Contains(d.t, config, destination)
	d.write("vault-token", d.root.Token())
	d.write("agent.hcl", strings.ReplaceAll(config, destination, filepath.Join(d.dir, "itwin-token")))
	output, err := d.bash("vault agent -config=agent.hcl")
	require.NoError(d.t, err, output)
	rendered, err := os.ReadFile(filepath.Join(d.dir, "itwin-token"))
	require.NoError(d.t, err)
	require.Equal(d.t, d.mustRead("itwin/token/viewer").Data["access_token"], string(rendered))
}

// runSpans runs the commands in a page's sentences.
func (d *desk) runSpans(page string) {
	d.t.Helper()
	ran := 0
	for _, span := range readPage(d.t, page).Spans {
		if strings.HasPrefix(span, "vault ") && strings.Contains(span, "itwin") {
			output, err := d.bash(span)
			require.NoErrorf(d.t, err, "%s: %s\n%s", page, span, output)
			ran++
		}
	}
	require.Positive(d.t, ran)
}
