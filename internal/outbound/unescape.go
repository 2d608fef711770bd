package outbound

import (
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// maxEscapes is how many layers of escapes are undone. Each costs a character or more
// of at most 4 KiB, but nobody has a reason to write that many.
const maxEscapes = 64

// escape matches \u002b, \u{2b}, \x2b, \053 and the \/ of JSON, percent-encoding, and
// quoted-printable with its soft line breaks.
var escape = regexp.MustCompile(`(?i)\\u\{?[0-9a-f]{2,6}\}?|\\x[0-9a-f]{2}|\\[0-7]{3}|\\["'/\\]|%u[0-9a-f]{4}|[%=][0-9a-f]{2}|=\r?\n`)

// stages returns text as it is and with its escapes undone, one layer after another.
// A secret may itself look escaped, so each layer counts.
func stages(text string) []string {
	text = dropHidden(text)
	all := []string{text}
	for range maxEscapes {
		next := dropHidden(escape.ReplaceAllStringFunc(html.UnescapeString(text), unescape))
		if next == text {
			return all
		}
		all = append(all, next)
		text = next
	}
	return all
}

// unescape undoes one escape. Those of a byte may be part of a character of UTF-8.
func unescape(sequence string) string {
	switch {
	case len(sequence) == 2 && sequence[0] == '\\':
		return sequence[1:]
	case strings.HasSuffix(sequence, "\n"):
		return ""
	}
	digits, base := strings.Trim(sequence, `\%=uUxX{}`), 16
	if sequence[0] == '\\' && len(digits) == 3 && len(sequence) == 4 {
		base = 8
	}
	code, err := strconv.ParseUint(digits, base, 31)
	switch {
	case err != nil:
		return sequence
	case len(sequence) <= 4 && code <= math.MaxUint8:
		return string([]byte{byte(code)})
	}
	return string(rune(code)) // U+FFFD for what is no code point
}
