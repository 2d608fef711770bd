package inquiry

import (
	"regexp"
	"strings"
)

var (
	// word is a run of letters and digits, with what joins them in times, numbers, hosts and URLs.
	word = regexp.MustCompile(`[\p{L}\p{N}][\p{L}\p{N}_.:/+-]*`)
	// volatile is a word that differs each time: a time, a duration, another number, an id.
	volatile = regexp.MustCompile(`^(` +
		`\d{4}-\d\d-\d\d(T\d\d:\d\d\S*)?|\d{1,2}:\d\d(:\d\d\S*)?` +
		`|(\d+(\.\d+)?(ns|us|µs|μs|ms|s|m|h|d)?)+` +
		`|[[:xdigit:]]{8}(-[[:xdigit:]]{4}){3}-[[:xdigit:]]{12}|[[:xdigit:]]{16,}` +
		`)[.:/+-]*$`)
	port = regexp.MustCompile(`([\p{L}\p{N}]):\d{2,5}([/.:]|$)`)
	// beforeID and beforeStatus match the end of the text before an id of any form, or before an HTTP status.
	beforeID     = regexp.MustCompile(`(?i)(correlation|request|trace|activity)[ _-]?id\W*$`)
	beforeStatus = regexp.MustCompile(`(?i)\b(status|http|code)\W*$`)
)

// masked replaces a volatile part.
const masked = "…"

// cause returns an error's text without the parts that differ between errors with the same
// cause. It looks at the form of each word, not at sentences, so that rewording an error
// doesn't matter. HTTP statuses, hosts and OAuth errors stay, because they distinguish
// causes.
func cause(text string) string {
	var out strings.Builder
	end, previous, before := 0, 0, 0 // of the last word, and where the two before this one begin
	for _, at := range word.FindAllStringIndex(text, -1) {
		out.WriteString(text[end:at[0]])
		out.WriteString(constant(text[at[0]:at[1]], text[before:at[0]]))
		end, before, previous = at[1], previous, at[0]
	}
	out.WriteString(text[end:])
	return out.String()
}

// constant returns the part of a word that is the same each time, given the text before it.
func constant(word, before string) string {
	switch digits := strings.ContainsAny(word, "0123456789"); {
	case strings.Contains(before, "id") && beforeID.MatchString(before):
		return masked
	case !digits || beforeStatus.MatchString(before):
		return word
	case volatile.MatchString(word):
		return masked
	}
	return port.ReplaceAllString(word, "$1:"+masked+"$2")
}
