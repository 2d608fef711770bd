package render

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// commaSeparated writes all sections and the timeline as one table that starts with the
// section's name, so that the columns are the same for every question and log.
func commaSeparated(w io.Writer, answer inquiry.Answer) error {
	out := csv.NewWriter(w)
	all := columns()
	line := []string{"section"}
	for _, c := range all {
		line = append(line, c.name)
	}
	_ = out.Write(line) // out.Error returns the first error
	for _, section := range slices.Concat(answer.Sections, []inquiry.Section{timelineSection(answer.Timeline)}) {
		for _, row := range section.Rows {
			line = append(line[:0], section.Name)
			for _, c := range all {
				line = append(line, inert(Visible(c.value(row))))
			}
			_ = out.Write(line)
		}
	}
	out.Flush()
	return out.Error()
}

// timelineSection returns a row for each lane and step with events. First and last are the start and end of the step.
func timelineSection(t inquiry.Timeline) inquiry.Section {
	section := inquiry.Section{Name: "timeline"}
	for _, lane := range t.Lanes {
		for _, bucket := range slices.Sorted(maps.Keys(lane.Counts)) {
			section.Rows = append(section.Rows, inquiry.Row{
				Subject: inquiry.Subject{Kind: lane.Kind, Reader: lane.Reader, Role: lane.Role, Detail: "step of " + t.Step},
				First:   t.At(bucket), Last: t.At(bucket + 1), Count: lane.Counts[bucket],
			})
		}
	}
	return section
}

// inert keeps a spreadsheet from reading a value, or a part of it, as a formula. In locales
// with a decimal comma, a semicolon separates cells, even within CSV quotes.
func inert(s string) string {
	cells := strings.Split(s, ";")
	for i, cell := range cells {
		if formula(cell) {
			cells[i] = "'" + cell
		}
	}
	return strings.Join(cells, ";")
}

// formula reports whether a spreadsheet may read a cell as a formula after removing quotes
// and spaces. Some also accept the full-width characters of East Asia.
func formula(cell string) bool {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, `" `))
	return strings.ContainsRune("=+-@＝＋－＠", first)
}
