// Package report renders what was measured: on a terminal, and into a document.
package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"vault-plugin-secrets-itwin/dev/bench/measure"
)

// Row is one measurement.
type Row struct {
	Name     string
	Target   string // empty: a figure without one
	Measured string
	Rounds   string // the least and the most of all rounds
	Verdict  string
	Detail   string // the figures behind a ratio
}

// The verdicts on a target.
const (
	met    = "met"
	missed = "MISSED"
)

// Table is all that was measured in one run.
type Table struct {
	Machine string
	Rows    []Row
}

// AtLeast adds a ratio whose median should not be below the target.
func (t *Table) AtLeast(name string, target float64, ratio measure.Spread, detail string) {
	t.ratio(name, fmt.Sprintf("≥ %.2f", target), ratio, ratio.Median >= target, detail)
}

// AtMost adds a ratio whose median should not be above the target.
func (t *Table) AtMost(name string, target float64, ratio measure.Spread, detail string) {
	t.ratio(name, fmt.Sprintf("≤ %.2f", target), ratio, ratio.Median <= target, detail)
}

// Ratio adds a ratio without a target.
func (t *Table) Ratio(name string, ratio measure.Spread, detail string) {
	t.ratio(name, "", ratio, true, detail)
}

func (t *Table) ratio(name, target string, ratio measure.Spread, good bool, detail string) {
	t.Rows = append(t.Rows, Row{
		Name: name, Target: target, Detail: detail,
		Measured: fmt.Sprintf("%.2f", ratio.Median),
		Rounds:   fmt.Sprintf("%.2f–%.2f", ratio.Min, ratio.Max),
		Verdict:  verdict(target, good),
	})
}

// Count adds a number that should be exactly the target.
func (t *Table) Count(name string, target, measured int, detail string) {
	t.Rows = append(t.Rows, Row{
		Name: name, Target: fmt.Sprint(target), Measured: fmt.Sprint(measured),
		Verdict: verdict("exact", target == measured), Detail: detail,
	})
}

// Figure adds what has no target.
func (t *Table) Figure(name, measured, detail string) {
	t.Rows = append(t.Rows, Row{Name: name, Measured: measured, Detail: detail})
}

func verdict(target string, good bool) string {
	switch {
	case target == "":
		return ""
	case good:
		return met
	default:
		return missed
	}
}

// Missed are the names of measurements whose target was missed.
func (t *Table) Missed() []string {
	var names []string
	for _, row := range t.Rows {
		if row.Verdict == missed {
			names = append(names, row.Name)
		}
	}
	return names
}

func (r Row) cells() []string {
	return []string{r.Name, r.Target, r.Measured, r.Rounds, r.Verdict, r.Detail}
}

func header() []string { return []string{"what", "target", "measured", "rounds", "", "figures"} }

// Text writes the table for a terminal, and which targets were missed.
func (t *Table) Text(w io.Writer) error {
	aligned := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	lines := [][]string{header()}
	for _, row := range t.Rows {
		lines = append(lines, row.cells())
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(aligned, strings.Join(line, "\t")); err != nil {
			return fmt.Errorf("writing the table: %w", err)
		}
	}
	if err := aligned.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	_, err := fmt.Fprintf(w, "\n%s\n%s\n", t.Machine, t.summary())
	return err
}

func (t *Table) summary() string {
	if names := t.Missed(); len(names) > 0 {
		return "Missed: " + strings.Join(names, "; ") + "."
	}
	return "Every target was met."
}

// Markdown is the table for a document.
func (t *Table) Markdown() string {
	var out strings.Builder
	line := func(cells []string) { out.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(header())
	line([]string{"---", "---", "---", "---", "---", "---"})
	for _, row := range t.Rows {
		line(row.cells())
	}
	out.WriteString("\n" + t.Machine + " " + t.summary() + "\n")
	return out.String()
}
