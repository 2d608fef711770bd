package render

import (
	"fmt"
	"io"
	"strings"

	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// Formats returns the names of the formats that Write supports.
func Formats() []string { return []string{"table", "json", "csv", "html"} }

// Write writes an answer in a format.
func Write(w io.Writer, format string, answer inquiry.Answer) error {
	switch format {
	case "table":
		return table(w, answer)
	case "json":
		return object(w, answer)
	case "csv":
		return commaSeparated(w, answer)
	case "html":
		return page(w, answer)
	}
	return fmt.Errorf("format %q is unknown, use one of: %s", format, strings.Join(Formats(), ", "))
}
