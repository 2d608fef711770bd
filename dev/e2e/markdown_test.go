package e2e

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// markdownPage is what tests need of a file of Markdown, as GitHub reads it.
type markdownPage struct {
	// Blocks are the fenced blocks of code, in their order.
	Blocks []block
	// Spans are the texts of inline code, in their order.
	Spans []string
	// Links are the destinations of links and images.
	Links []string
	// Anchors are the names that a link to a heading has after its "#".
	Anchors []string
}

// block is a fenced block of code.
type block struct {
	// Info is what follows the opening fence: a language, and words for whoever runs the block.
	Info string
	// Heading is the text of the nearest heading above, empty before the first.
	Heading string
	// Line is that of its first line of code, counted from 1.
	Line int
	// Text is the code, with the end of its last line.
	Text string
}

// parseMarkdown reads a page. Any text is a page of Markdown, so there is no error.
func parseMarkdown(source []byte) markdownPage {
	r := &pageReader{source: source, seen: make(map[string]int)}
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	_ = ast.Walk(document, r.visit) // visit returns no errors
	return r.page
}

type pageReader struct {
	source  []byte
	heading string
	seen    map[string]int
	page    markdownPage
}

func (r *pageReader) visit(node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	switch n := node.(type) {
	case *ast.Heading:
		r.heading = r.plain(n)
		r.page.Anchors = append(r.page.Anchors, r.anchor(r.heading))
	case *ast.FencedCodeBlock:
		r.page.Blocks = append(r.page.Blocks, r.block(n))
	case *ast.CodeSpan:
		r.page.Spans = append(r.page.Spans, r.plain(n))
	case *ast.Link:
		r.page.Links = append(r.page.Links, string(n.Destination))
	case *ast.Image:
		r.page.Links = append(r.page.Links, string(n.Destination))
	}
	return ast.WalkContinue, nil
}

func (r *pageReader) block(n *ast.FencedCodeBlock) block {
	b := block{Heading: r.heading, Text: string(n.Lines().Value(r.source))}
	if n.Info != nil {
		b.Info = string(n.Info.Value(r.source))
	}
	b.Line = r.line(n.Lines())
	return b
}

// line is that of the first of the lines, counted from 1, and 0 where there is none.
func (r *pageReader) line(lines *text.Segments) int {
	if lines.Len() == 0 {
		return 0
	}
	return 1 + strings.Count(string(r.source[:lines.At(0).Start]), "\n")
}

// plain is the text of a node and all below it, without its markup. A line's end within is a space.
func (r *pageReader) plain(node ast.Node) string {
	var plain strings.Builder
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			plain.Write(t.Value(r.source))
			if t.SoftLineBreak() {
				plain.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(plain.String()), " ")
}

// anchor follows GitHub: letters, digits, dashes and underscores stay, in lower case; spaces become dashes; what is
// there already gets a number.
func (r *pageReader) anchor(heading string) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case unicode.IsLetter(c), unicode.IsDigit(c), c == '-', c == '_':
			return unicode.ToLower(c)
		}
		return -1
	}, heading)
	again := r.seen[name]
	r.seen[name]++
	if again > 0 {
		return name + "-" + strconv.Itoa(again)
	}
	return name
}
