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

	d.server.Audit(t)
	// Those have tests of their own, since they need more, or less, than a Vault after the README.
	others := []string{"install.md", "operations.md", "troubleshooting.md", "monitoring.md", "auditing.md"}
	for _, page := range pages(t, "docs") {
		if !slices.Contains(others, filepath.Base(page)) {
			d.work(page)
		}
	}
}

// requireReadmeTable compares the table that the README shows, row by row, with the one that Vault prints.
func requireReadmeTable(t *testing.T, output string) {
	t.Helper()
	_, table, found := strings.Cut(output, "\nKey ") // what was written comes first
	require.True(t, found, output)
	table, _, _ = strings.Cut("Key "+table, "\ney") // the token alone follows
	blocks := readPage(t, "README.md").Blocks
	shown := slices.IndexFunc(blocks, func(b block) bool { return b.Info == "text" })
	require.Equal(t, firstColumn(blocks[shown].Text), firstColumn(table))
}

func firstColumn(table string) []string {
	var column []string
	for line := range strings.SplitSeq(strings.TrimSpace(table), "\n") {
		first, _, _ := strings.Cut(line, " ")
		column = append(column, first)
	}
	return column
}
