package render

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// column is one field of a row.
type column struct {
	name  string // as in JSON
	title string
	value func(inquiry.Row) string
}

// columns returns all fields of a row, in display order.
func columns() []column {
	return []column{
		{"first", "first", func(r inquiry.Row) string { return timestamp(r.First) }},
		{"last", "last", func(r inquiry.Row) string { return timestamp(r.Last) }},
		{"count", "count", func(r inquiry.Row) string { return strconv.Itoa(r.Count) }},
		{"readers", "readers", func(r inquiry.Row) string {
			if r.Readers == 0 {
				return ""
			}
			return strconv.Itoa(r.Readers)
		}},
		{"kind", "what", func(r inquiry.Row) string { return string(r.Kind) }},
		{"mount", "mount", func(r inquiry.Row) string { return r.Mount }},
		{"role", "role", func(r inquiry.Row) string { return r.Role }},
		{"reader", "reader", func(r inquiry.Row) string { return r.Reader }},
		{"entity_id", "entity", func(r inquiry.Row) string { return r.Entity }},
		{"policies", "policies", func(r inquiry.Row) string { return r.Policies }},
		{"address", "from", func(r inquiry.Row) string { return r.Address }},
		{"operation", "operation", func(r inquiry.Row) string { return r.Operation }},
		{"path", "path", func(r inquiry.Row) string { return r.Path }},
		{"token_id", "token_id", func(r inquiry.Row) string { return r.TokenID }},
		{"scope", "scope", func(r inquiry.Row) string { return r.Scope }},
		{"expires", "expires", func(r inquiry.Row) string { return timestamp(r.Expires) }},
		{"detail", "why", func(r inquiry.Row) string { return r.Detail }},
	}
}

// used returns the columns that have a value in a section, without the mount if there is only one.
func used(section inquiry.Section, log inquiry.Log) []column {
	var some []column
	for _, c := range columns() {
		if c.name == "mount" && len(log.Mounts) == 1 {
			continue
		}
		for _, row := range section.Rows {
			if c.value(row) != "" {
				some = append(some, c)
				break
			}
		}
	}
	return some
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Visible escapes characters that control a terminal or reorder text, so that a display name
// can't hide or rewrite a line.
func Visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if steers(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// steers reports whether a rune controls a terminal or reorders text.
func steers(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }
