package render

import (
	"encoding/csv"
	"io"
	"strings"

	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// commaSeparated writes all sections as one table, with the section's name first, so
// that each question and each log gives the same columns.
func commaSeparated(w io.Writer, answer inquiry.Answer) error {
	out := csv.NewWriter(w)
	all := columns()
	line := []string{"section"}
	for _, c := range all {
		line = append(line, c.name)
	}
	_ = out.Write(line) // an error stays, for out.Error
	for _, section := range answer.Sections {
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

// inert keeps a spreadsheet from taking a value for a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
