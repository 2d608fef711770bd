package render

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

//go:embed page.html
var pageTemplate string

//go:embed page.css
var pageStyle string

// document is the data of the page's template.
type document struct {
	Title      string
	Policy     string
	Provenance string
	Notes      []string
	Tiles      []tile
	Chart      chart
	Matrix     matrix
	Sections   []pageSection
}

type tile struct {
	Label string
	Count int
	Class string // of the style: plain, change or denied
}

type pageSection struct {
	Name, Title string
	Class       string
	Columns     []column
	Rows        []pageRow
	More        int
}

// pageRow has the reason below the cells, because an error is too long for a column.
type pageRow struct {
	Cells  []cell
	Reason string
}

type cell struct{ Class, Text string }

// Title returns a column's heading.
func (c column) Title() string { return c.title }

// page writes a self-contained file without scripts, fonts or network access.
func page(w io.Writer, answer inquiry.Answer) error {
	// The style is part of the template, because it is constant.
	text := strings.Replace(pageTemplate, "/* page.css */", pageStyle, 1)
	parsed, err := template.New("page").Funcs(template.FuncMap{"count": words.Count[int]}).Parse(text)
	if err != nil {
		return fmt.Errorf("parsing the page's template: %w", err)
	}
	d := document{
		Title: Visible(capitalized(answer.Subject)), Policy: contentPolicy(), Provenance: Visible(provenance(answer.Log)),
		Tiles: tiles(answer), Chart: chartOf(answer.Timeline), Matrix: matrixOf(answer),
	}
	for _, note := range answer.Notes {
		d.Notes = append(d.Notes, Visible(note))
	}
	for _, section := range answer.Sections {
		d.Sections = append(d.Sections, pageSectionOf(section, answer.Log))
	}
	return parsed.Execute(w, d)
}

// contentPolicy allows only this page's style, so that nothing from a log can run or load
// even if it gets past the escaping.
func contentPolicy() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// tiles returns the number of events in each section.
func tiles(answer inquiry.Answer) []tile {
	all := make([]tile, 0, len(answer.Sections))
	for _, section := range answer.Sections {
		count := section.More
		for _, row := range section.Rows {
			count += row.Count
		}
		if section.Name == "new_readers" {
			count = len(section.Rows)
		}
		all = append(all, tile{Label: section.Title, Count: count, Class: classOf(section.Name)})
	}
	return all
}

// classOf returns the CSS class of a section or kind of event.
func classOf(name string) string {
	switch name {
	case "denied", "failed", "unreadable":
		return "denied"
	case "changes", "config changed", "role changed", "rotated", "origin":
		return "change"
	case "new_readers", "maybe", "wrapped", "unwrapped", "rewrapped":
		return "notice"
	}
	return "plain"
}

func pageSectionOf(section inquiry.Section, log inquiry.Log) pageSection {
	s := pageSection{
		Name: section.Name, Title: section.Title, Class: classOf(section.Name), Columns: used(section, log), More: section.More,
	}
	s.Columns = slices.DeleteFunc(s.Columns, func(c column) bool { return c.name == "detail" })
	for _, row := range section.Rows {
		shown := pageRow{Cells: make([]cell, len(s.Columns)), Reason: Visible(row.Detail)}
		for i, c := range s.Columns {
			shown.Cells[i] = cellOf(c, row)
		}
		s.Rows = append(s.Rows, shown)
	}
	return s
}

func cellOf(c column, row inquiry.Row) cell {
	shown := cell{Class: c.name, Text: Visible(c.value(row))}
	switch c.name {
	case "kind":
		shown.Class = "kind " + classOf(string(row.Kind))
	case "first", "last", "expires":
		shown.Text = strings.Replace(shown.Text, "T", " ", 1) // so that it can wrap on a narrow page
	}
	return shown
}
