package outbound

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxText is how much of one upstream text is kept, in characters.
	maxText  = 200
	redacted = "[redacted]"
)

// Cleaner makes text from upstream fit to be shown. It is safe for concurrent
// use.
type Cleaner struct {
	scrub *strings.Replacer
}

// NewCleaner returns a cleaner that removes these forms of a secret.
func NewCleaner(forms ...string) Cleaner {
	forms = distinct(slices.Clone(forms))
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, redacted)
	}
	return Cleaner{scrub: strings.NewReplacer(pairs...)}
}

// Text removes what can't be seen, then every form of the secret, then what is
// over 200 characters. In that order: a secret with a control character in its
// middle is found, and the cut leaves no part of one.
func (c Cleaner) Text(upstream string) string {
	cleaned := strings.TrimSpace(c.scrub.Replace(dropHidden(upstream)))
	cleaned = jwt().ReplaceAllString(cleaned, redacted)
	if utf8.RuneCountInString(cleaned) <= maxText {
		return cleaned
	}
	return string([]rune(cleaned)[:maxText-1]) + "…"
}

// jwt matches a JSON Web Token (RFC 7519): a token that upstream repeats is one
// that somebody holds.
func jwt() *regexp.Regexp { return regexp.MustCompile(`eyJ[\w-]+\.[\w-]+(\.[\w-]*)?`) }

// distinct puts the longest forms first, as the replacer takes the first that
// fits.
func distinct(forms []string) []string {
	for i, form := range forms {
		forms[i] = dropHidden(form)
	}
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	forms = slices.Compact(forms)
	return slices.DeleteFunc(forms, func(form string) bool { return form == "" })
}

// dropHidden removes hidden characters and invalid UTF-8. U+FFFD goes too: it is
// what the JSON decoder has made of invalid bytes.
func dropHidden(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || isHidden(r) {
			return -1
		}
		return r
	}, text)
}

// isHidden reports whether r can move, hide or break the text around it:
// controls, format characters (bidirectional marks among them), separators of
// lines and paragraphs.
func isHidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
