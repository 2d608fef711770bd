package ims

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vault-plugin-secrets-itwin/internal/secret"
)

const (
	// maxUpstream is how much of one upstream text is kept, in characters.
	maxUpstream = 200
	redacted    = "[redacted]"
)

// cleaner makes text from upstream fit to be shown. It is built once per client
// and safe for concurrent use.
type cleaner struct {
	scrub *strings.Replacer
}

func newCleaner(clientID string, clientSecret secret.Text) cleaner {
	forms := secretForms(clientID, clientSecret.Reveal())
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, redacted)
	}
	return cleaner{scrub: strings.NewReplacer(pairs...)}
}

// text removes what can't be seen, then every form of the secret, then what is
// over the limit. In that order: a secret with a control character in its
// middle is found, and the cut leaves no part of one.
func (c cleaner) text(upstream string) string {
	cleaned := strings.TrimSpace(c.scrub.Replace(dropHidden(upstream)))
	if utf8.RuneCountInString(cleaned) <= maxUpstream {
		return cleaned
	}
	return string([]rune(cleaned)[:maxUpstream-1]) + "…"
}

// secretForms lists the ways in which a server can echo the secret: as it was
// sent, as it was decoded, and as it may be quoted. The longest come first, as
// the replacer takes the first that fits.
func secretForms(clientID, clientSecret string) []string {
	escaped := url.QueryEscape(clientSecret)
	quoted, _ := json.Marshal(clientSecret) //nolint:errchkjson // a string always marshals
	jsonForm := strings.Trim(string(quoted), `"`)
	forms := []string{
		clientSecret,
		strings.ReplaceAll(clientSecret, "+", " "), // decoded once too often
		escaped,
		url.PathEscape(clientSecret),
		jsonForm,
		strings.ReplaceAll(jsonForm, "/", `\/`),
		hex.EncodeToString([]byte(clientSecret)),
		strings.ToUpper(hex.EncodeToString([]byte(clientSecret))),
		basic(url.QueryEscape(clientID) + ":" + escaped),
		basic(clientID + ":" + clientSecret),
	}
	for _, form := range forms {
		forms = append(forms, lowerPercent(form))
	}
	return distinct(forms)
}

// basic returns the credentials of RFC 7617 without their padding, so that they
// are found with it or without.
func basic(credentials string) string {
	return base64.RawStdEncoding.EncodeToString([]byte(credentials))
}

// lowerPercent spells %2B as %2b: both are right, and servers differ.
func lowerPercent(escaped string) string {
	return regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(escaped, strings.ToLower)
}

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
