package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/bench/measure"
)

func exampleTable() *Table {
	t := &Table{Machine: "2 cores."}
	t.AtLeast("rate", 0.97, measure.Spread{Median: 0.98, Min: 0.9, Max: 1.1}, "98 of 100")
	t.AtMost("p99", 1.1, measure.Spread{Median: 1.2, Min: 1, Max: 2}, "")
	t.Count("exchanges", 1, 1, "")
	t.Figure("memory", "10 bytes", "")
	return t
}

func TestTheTableSaysWhichTargetsWereMissed(t *testing.T) {
	t.Parallel()
	table := exampleTable()
	require.Equal(t, []string{"p99"}, table.Missed())
	var text strings.Builder
	require.NoError(t, table.Text(&text))
	require.Contains(t, text.String(), "MISSED")
	require.Contains(t, text.String(), "Missed: p99.")
	require.Contains(t, text.String(), "0.90–1.10")
}

func TestTheTableReplacesTheOneInADocument(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(path, []byte("before\n"+begin+"old\n"+end+"after\n"), 0o600))
	for range 2 {
		require.NoError(t, exampleTable().WriteInto(path))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "before\n"+begin+"\n"+exampleTable().Markdown()+"\n"+end+"after\n", string(text))
	require.Contains(t, string(text), "| rate | ≥ 0.97 | 0.98 | 0.90–1.10 | met | 98 of 100 |\n")
}

func TestADocumentWithoutMarksStaysAsItIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(path, []byte("text\n"), 0o600))
	require.Error(t, exampleTable().WriteInto(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "text\n", string(text))
}
