package reference

import (
	"regexp"
	"strings"
)

// marker turns the plain text of a schema into Markdown.
type marker struct {
	code  *regexp.Regexp
	plain *strings.Replacer
}

// newMarker takes for code what is typed or sent as it stands: addresses, paths, fields with their values, and names
// that can't be words.
func newMarker() *marker {
	return &marker{
		code: regexp.MustCompile(strings.Join([]string{
			`https?://[\w./-]*\w`,
			`[\w/]*<\w+>[\w/]*`,
			`\b[a-z_]+=[@\w.-]*\w`,
			`\b[a-z]+(_[a-z]+)+\b`,
		}, "|")),
		plain: strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`, "`", "\\`", "[", `\[`),
	}
}

func (m *marker) markdown(text string) string {
	var marked strings.Builder
	end := 0
	for _, at := range m.code.FindAllStringIndex(text, -1) {
		marked.WriteString(m.plain.Replace(text[end:at[0]]))
		marked.WriteString("`" + text[at[0]:at[1]] + "`")
		end = at[1]
	}
	marked.WriteString(m.plain.Replace(text[end:]))
	return marked.String()
}
