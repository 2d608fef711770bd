package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadmeAndTheOtherPagesAreRunAsTheyStand(t *testing.T) {
	t.Parallel()
	d := newReleaseDesk(t)
	d.cues = []*cue{
		{at: "vault read itwin/check", after: requireWhole},
		{at: "vault read itwin/token/viewer\n", after: requireReadmeTable},
	}
	d.work("README.md")
	d.runSpans("README.md")

	d.server.Audit(t)
	for _, page := range pages(t, "docs") {
		if !slices.Contains(testedElsewhere(), filepath.Base(page)) {
			d.work(page)
		}
	}
	for _, page := range allPages(t) {
		d.requireCommands(page)
	}
}

// testedElsewhere are the pages whose commands need more, or less, than a Vault after the README, and have tests of
// their own.
func testedElsewhere() []string {
	return []string{"install.md", "operations.md", "troubleshooting.md", "monitoring.md", "auditing.md"}
}

// requireReadmeTable compares the table that the README shows, row by row, with the one that Vault prints.
func requireReadmeTable(t *testing.T, output string) {
	t.Helper()
	_, table, found := strings.Cut(output, "\nKey ") // what was written comes first
	require.True(t, found, output)
	table, _, _ = strings.Cut("Key "+table, "\ney") // the token alone follows
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
