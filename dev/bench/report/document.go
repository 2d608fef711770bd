package report

import (
	"fmt"
	"os"
	"strings"
)

// The table stands between these two lines of a document.
const (
	begin = "<!-- make bench writes from here -->\n"
	end   = "<!-- to here -->\n"
)

// WriteInto replaces the table in the document at path. It fails where the document doesn't mark one.
func (t *Table) WriteInto(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, begun := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		return fmt.Errorf("writing the table into %s: it needs the lines %q and %q", path, begin, end)
	}
	text = []byte(before + begin + "\n" + t.Markdown() + "\n" + end + after)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
