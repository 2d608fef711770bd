package render

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

// table writes an answer for a terminal.
func table(w io.Writer, answer inquiry.Answer) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\n", Visible(capitalized(answer.Subject)))
	for _, section := range answer.Sections {
		tabulate(&text, section, answer.Log)
	}
	sketch(&text, answer.Timeline)
	for _, note := range answer.Notes {
		fmt.Fprintf(&text, "\nNote: %s\n", Visible(note))
	}
	fmt.Fprintf(&text, "\n%s\n", Visible(provenance(answer.Log)))
	_, err := text.WriteTo(w)
	return err
}

func tabulate(text *bytes.Buffer, section inquiry.Section, log inquiry.Log) {
	if len(section.Rows) == 0 {
		fmt.Fprintf(text, "\n%s: none\n", section.Title)
		return
	}
	fmt.Fprintf(text, "\n%s:\n", section.Title)
	tabs := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	some := used(section, log)
	titles := make([]string, len(some))
	for i, c := range some {
		titles[i] = strings.ToUpper(c.title)
	}
	tabbed(tabs, titles)
	for _, row := range section.Rows {
		cells := make([]string, len(some))
		for i, c := range some {
			cells[i] = Visible(c.value(row))
		}
		tabbed(tabs, cells)
	}
	_ = tabs.Flush() // writes to memory don't fail
	if section.More > 0 {
		fmt.Fprintf(text, "  and %s\n", words.Count(section.More, "more event"))
	}
}

// sketch draws the timeline as text, with a column for each step.
func sketch(text *bytes.Buffer, t inquiry.Timeline) {
	if t.Buckets == 0 {
		return
	}
	fmt.Fprintf(text, "\nTimeline from %s in %s of %s:\n", timestamp(t.Start), words.Count(t.Buckets, "step"), t.Step)
	tabs := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	lanes := shownLanes(t)
	for _, lane := range lanes {
		tabbed(tabs, []string{laneName(lane), Visible(lane.Role), bars(t, lane), strconv.Itoa(lane.Total)})
	}
	_ = tabs.Flush() // writes to memory don't fail
	if more := len(t.Lanes) - len(lanes); more > 0 {
		fmt.Fprintf(text, "  and %s of readers and roles\n", words.Count(more, "more row"))
	}
	if t.More > 0 {
		fmt.Fprintf(text, "  and %s\n", words.Count(t.More, "more event"))
	}
}

// bars returns a character for each step. Higher ones mean more events.
func bars(t inquiry.Timeline, lane inquiry.Lane) string {
	heights := []rune("▁▂▃▄▅▆▇█")
	busiest := slices.Max(slices.Collect(maps.Values(lane.Counts)))
	line := make([]rune, t.Buckets)
	for i := range line {
		line[i] = '·'
		if n := lane.Counts[i]; n > 0 {
			line[i] = heights[(len(heights)-1)*n/busiest]
		}
	}
	return string(line)
}

// tabbed writes a line. Writes to memory don't fail.
func tabbed(tabs io.Writer, cells []string) {
	_, _ = io.WriteString(tabs, strings.TrimRight("  "+strings.Join(cells, "\t"), "\t")+"\n")
}

// provenance describes what the answer is based on.
func provenance(log inquiry.Log) string {
	s := "Based on " + words.Count(log.Lines, "line") + " with " + words.Count(log.Events, "event")
	if len(log.Mounts) > 0 {
		s += " on " + strings.Join(log.Mounts, ", ")
	}
	if log.Events > 0 {
		s += ", " + timestamp(log.First) + " to " + timestamp(log.Last)
	}
	if log.Damaged > 0 {
		s += "; " + words.Count(log.Damaged, "damaged line") + " skipped"
	}
	if log.Unreadable > 0 {
		s += "; " + words.Count(log.Unreadable, "unreadable line")
	}
	return s + "."
}

func capitalized(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
