package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// markdownPage is what tests need of a page, in its order.
type markdownPage struct {
	Blocks  []block
	Spans   []string // texts of inline code
	Links   []string // destinations of links and images
	Anchors []string // what a link to a heading has after its "#" on GitHub
}

// block is a fenced block of code.
type block struct {
	Info    string // follows the opening fence: a language, and words for the test that runs the block
	Heading string // text of the nearest heading above
	Text    string
}

// readPage reads a page by its path in the repository.
func readPage(t *testing.T, path string) markdownPage {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(repositoryPath, path))
	require.NoError(t, err)
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	var page markdownPage
	var heading string
	require.NoError(t, ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := node.(type) {
		case *ast.Heading:
			heading = plainText(n, source)
			page.Anchors = append(page.Anchors, anchor(heading))
		case *ast.FencedCodeBlock:
			b := block{Heading: heading, Text: string(n.Lines().Value(source))}
			if n.Info != nil {
				b.Info = string(n.Info.Value(source))
			}
			page.Blocks = append(page.Blocks, b)
		case *ast.CodeSpan:
			page.Spans = append(page.Spans, plainText(n, source))
		case *ast.Link:
			page.Links = append(page.Links, string(n.Destination))
		case *ast.Image:
			page.Links = append(page.Links, string(n.Destination))
		}
		return ast.WalkContinue, nil
	}))
	return page
}

// plainText is the text of a node without its markup, on one line.
func plainText(node ast.Node, source []byte) string {
	var plain strings.Builder
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function returns no errors
		if part, ok := n.(*ast.Text); ok && entering {
			plain.Write(part.Value(source))
			if part.SoftLineBreak() {
				plain.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(plain.String()), " ")
}

// anchor does not number headings that a page repeats: nothing links to those.
func anchor(heading string) string {
	return strings.ReplaceAll(strings.ToLower(regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(heading, "")), " ", "-")
}
