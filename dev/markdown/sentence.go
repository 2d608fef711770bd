package markdown

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// Sentence is what stands between two full stops, question marks, exclamation marks, colons or semicolons.
type Sentence struct {
	// Text is without markup and without its last mark, with single spaces.
	Text string
	// Line is that of the paragraph, item or cell that it is in, counted from 1.
	Line int
}

// Words is how many there are, with or without letters.
func (s Sentence) Words() int { return len(strings.Fields(s.Text)) }

func (r *reader) sentences(node ast.Node) []Sentence {
	var found []Sentence
	var words []string
	line := r.line(node.Lines())
	end := func() {
		if len(words) > 0 {
			found = append(found, Sentence{Text: strings.TrimRight(strings.Join(words, " "), ".?!:;"), Line: line})
		}
		words = nil
	}
	for word := range strings.FieldsSeq(r.plain(node)) {
		words = append(words, word)
		if strings.ContainsAny(word[len(word)-1:], ".?!:;") {
			end()
		}
	}
	end()
	return found
}
