package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

// The table stands between these two lines of a document.
const (
	begin = "<!-- make bench writes from here -->\n"
	end   = "<!-- to here -->\n"
)

// target is what a figure should be. The zero value is for a figure that is only shown.
type target struct {
	text string
	met  func(float64) bool
}

func atLeast(limit float64) target {
	return target{fmt.Sprint("≥ ", limit), func(figure float64) bool { return figure >= limit }}
}

func atMost(limit float64) target {
	return target{fmt.Sprint("≤ ", limit), func(figure float64) bool { return figure <= limit }}
}

func exactly(number float64) target {
	return target{fmt.Sprint(number), func(figure float64) bool { return figure == number }}
}

// table is all that was measured in one run.
type table struct {
	machine string
	rows    [][]string
	missed  []string // the names of rows
	wrong   []string // those of them that no other work on the machine explains
}

// ratio adds a ratio, whose median should meet the target.
func (t *table) ratio(name string, goal target, ratio spread, detail string) {
	t.add(name, goal, ratio.median, fmt.Sprintf("%.2f", ratio.median), fmt.Sprintf("%.2f–%.2f", ratio.min, ratio.max), detail)
}

// figure adds a number in a unit, which is the target's as well.
func (t *table) figure(name string, goal target, figure float64, unit, detail string) {
	if !t.add(name, goal, figure, fmt.Sprintf("%.0f %s", figure, unit), "", detail) {
		t.wrong = append(t.wrong, name)
	}
}

func (t *table) add(name string, goal target, figure float64, measured, rounds, detail string) (met bool) {
	verdict := ""
	met = goal.met == nil || goal.met(figure)
	switch {
	case goal.met == nil:
	case met:
		verdict = "met"
	default:
		verdict = "MISSED"
		t.missed = append(t.missed, name)
	}
	t.rows = append(t.rows, []string{name, goal.text, measured, rounds, verdict, detail})
	return met
}

// markdown is the table with its columns aligned, and which targets were missed.
func (t *table) markdown() string {
	var out strings.Builder
	aligned := tabwriter.NewWriter(&out, 0, 0, 1, ' ', 0)
	rule := []string{"---", "---", "---", "---", "---", "---"}
	for _, row := range append([][]string{{"what", "target", "measured", "rounds", "", "figures"}, rule}, t.rows...) {
		_, _ = fmt.Fprintf(aligned, "| %s\t|\n", strings.Join(row, "\t| ")) // out takes everything
	}
	_ = aligned.Flush()
	verdict := "Every target was met."
	if len(t.missed) > 0 {
		verdict = "Missed: " + strings.Join(t.missed, "; ") + "."
	}
	return fmt.Sprintf("%s\n%s %s\n", out.String(), t.machine, verdict)
}

// writeInto replaces the table in the document at path.
func (t *table) writeInto(tb testing.TB, path string) {
	tb.Helper()
	text, err := os.ReadFile(path)
	require.NoError(tb, err)
	before, rest, begun := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	require.True(tb, begun && ended, "%s has no lines %q and %q for the table to stand between", path, begin, end)
	document := before + begin + "\n" + t.markdown() + "\n" + end + after
	require.NoError(tb, os.WriteFile(path, []byte(document), 0o600))
}
