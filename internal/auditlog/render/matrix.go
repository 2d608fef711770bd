package render

import (
	"fmt"
	"slices"
	"strings"

	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

const (
	maxMatrixRoles   = 10
	maxMatrixReaders = 30
	shades           = 5 // of the style, shade1 to shade5
)

// matrix is a table of readers by roles, the busiest first.
type matrix struct {
	Roles []string
	Rows  []matrixRow
	More  int // reads by readers and roles that aren't shown
}

type matrixRow struct {
	Reader string
	Cells  []matrixCell
}

type matrixCell struct {
	Count int
	Class string
}

// tally counts reads by reader, by role, and by both.
type tally struct {
	readers, roles map[string]int
	both           map[[2]string]int
}

// matrixOf counts the reads in a summary. Other answers have no matrix.
func matrixOf(answer inquiry.Answer) matrix {
	t := tally{readers: make(map[string]int), roles: make(map[string]int), both: make(map[[2]string]int)}
	total := 0
	for _, section := range answer.Sections {
		if section.Name != "reads" {
			continue
		}
		for _, row := range section.Rows {
			t.readers[row.Reader] += row.Count
			t.roles[row.Role] += row.Count
			t.both[[2]string{row.Reader, row.Role}] += row.Count
			total += row.Count
		}
	}
	return t.matrix(total)
}

func (t tally) matrix(total int) matrix {
	m := matrix{More: total}
	roles, busiest := top(t.roles, maxMatrixRoles), 0
	for _, n := range t.both {
		busiest = max(busiest, n)
	}
	for _, role := range roles {
		m.Roles = append(m.Roles, Visible(role))
	}
	for _, reader := range top(t.readers, maxMatrixReaders) {
		row := matrixRow{Reader: Visible(reader)}
		for _, role := range roles {
			n := t.both[[2]string{reader, role}]
			row.Cells = append(row.Cells, matrixCell{Count: n, Class: shade(n, busiest)})
			m.More -= n
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// shade returns the CSS class for a count, empty for 0.
func shade(n, busiest int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("shade%d", 1+(shades-1)*n/busiest)
}

// top returns the names with the highest counts.
func top(counts map[string]int, limit int) []string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	return names[:min(limit, len(names))]
}
