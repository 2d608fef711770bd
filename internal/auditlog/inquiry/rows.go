package inquiry

import (
	"cmp"
	"slices"
	"strings"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

const (
	// maxRows limits a table, since a flood of denied requests could fill it. The rest is only counted.
	maxRows = 10_000
	// maxHolders limits the tables of the readers and tokens asked for, where each row matters.
	maxHolders = 100_000
)

// rows collects the rows of a section.
type rows struct {
	limit int
	of    map[Subject]*Row
	more  int
}

func newRows(limit int) *rows { return &rows{limit: limit, of: make(map[Subject]*Row)} }

// add counts an event under its subject, a failure under its cause, and returns its row,
// or nil if the table is full.
func (r *rows) add(subject Subject, e auditlog.Event) *Row {
	key := subject
	if e.Kind == auditlog.Failed {
		key.Detail = cause(subject.Detail)
	}
	row := r.of[key]
	if row == nil {
		if len(r.of) >= r.limit {
			r.more++
			return nil
		}
		row = &Row{Subject: subject, Scope: e.Token.Scope, Expires: e.Token.Expires, First: e.Time, Last: e.Time}
		r.of[key] = row
	}
	row.Count++
	if row.Scope != e.Token.Scope {
		row.Scope = "" // it isn't the same for the whole row
	}
	if e.Time.Before(row.First) {
		row.First = e.Time
	}
	if !e.Time.Before(row.Last) {
		row.Last, row.Detail = e.Time, subject.Detail
	}
	return row
}

// byTime returns a section with the earliest rows first.
func (r *rows) byTime(name, title string) Section {
	return r.section(name, title, func(a, b *Row) int { return a.First.Compare(b.First) })
}

// byCount returns a section with the highest counts first.
func (r *rows) byCount(name, title string) Section {
	return r.section(name, title, func(a, b *Row) int { return cmp.Compare(b.Count, a.Count) })
}

func (r *rows) section(name, title string, order func(a, b *Row) int) Section {
	section := Section{Name: name, Title: title, Rows: make([]Row, 0, len(r.of)), More: r.more}
	for _, row := range r.of {
		section.Rows = append(section.Rows, *row)
	}
	slices.SortFunc(section.Rows, func(a, b Row) int {
		return cmp.Or(order(&a, &b), a.compare(b.Subject))
	})
	return section
}

// compare makes the order of rows deterministic.
func (s Subject) compare(t Subject) int {
	return cmp.Or(
		strings.Compare(s.Reader, t.Reader), strings.Compare(s.Role, t.Role), strings.Compare(s.Entity, t.Entity),
		strings.Compare(s.TokenID, t.TokenID), strings.Compare(s.Path, t.Path), strings.Compare(s.Address, t.Address),
		strings.Compare(s.Mount, t.Mount), strings.Compare(s.Policies, t.Policies), strings.Compare(s.Detail, t.Detail),
		strings.Compare(string(s.Kind), string(t.Kind)), strings.Compare(s.Operation, t.Operation),
	)
}
