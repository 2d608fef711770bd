package outbound

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxText is how much of one upstream text is shown, in characters.
	maxText = 200
	// maxRead is how much of one upstream text is looked at, in bytes.
	maxRead = 4 << 10
	// window is how many characters in a row give a secret away.
	window = 8
)

// Cleaner makes text from upstream fit to be shown. It drops a text whole if, after
// its escapes are undone and its case, spaces and punctuation are ignored, eight
// characters in a row are those of a secret, or of the base64 or hex form of one, or if
// it holds what looks like a JSON Web Token (RFC 7519). Of a secret with fewer than
// eight letters and digits, all of them count.
//
// It protects readers from a server or gateway that echoes what it was sent. A server
// that sets out to hide a secret in its words can do so in ways that nobody can
// recognize (reversed, or with letters strewn in): so keep the words of a server from
// those who may not know the secret.
//
// It is safe for concurrent use. The zero Cleaner knows no secret.
type Cleaner struct {
	// parts are runs of letters and digits that no text may hold, by their length.
	parts map[int]map[string]bool
	// raw are secrets without a letter or digit.
	raw []string
}

// NewCleaner returns a cleaner for these secrets. Empty ones are ignored.
func NewCleaner(secrets ...string) Cleaner {
	c := Cleaner{parts: make(map[int]map[string]bool)}
	for _, secret := range secrets {
		c.add(secret)
	}
	return c
}

func (c *Cleaner) add(secret string) {
	for _, stage := range stages(secret) {
		switch folded := fold(stage); {
		case folded != "":
			c.addParts(folded, window)
		case stage != "":
			c.raw = append(c.raw, stage)
		}
	}
	if len(fold(secret)) < window {
		return // its base64 form is too short to mean anything
	}
	c.addParts(hex.EncodeToString([]byte(secret)), 2*window)
	// Three bytes are four characters: what precedes the secret shifts its form.
	for shift := range 3 {
		shifted := append(make([]byte, shift), secret...)
		c.addParts(fold(base64.RawStdEncoding.EncodeToString(shifted))[shift:], window)
	}
}

// addParts adds every run of size characters, or the whole text if it is shorter.
func (c *Cleaner) addParts(folded string, size int) {
	size = min(size, len(folded))
	if c.parts[size] == nil {
		c.parts[size] = make(map[string]bool)
	}
	for at := range len(folded) - size + 1 {
		c.parts[size][folded[at:at+size]] = true
	}
}

// Text returns what can be shown of a text from upstream: one line without hidden
// characters, cut at 200 characters; empty if it must not be shown.
func (c Cleaner) Text(upstream string) string {
	if len(upstream) > maxRead {
		upstream = upstream[:maxRead]
	}
	if c.Finds(upstream) {
		return ""
	}
	shown := strings.TrimSpace(dropHidden(upstream))
	if utf8.RuneCountInString(shown) <= maxText {
		return shown
	}
	return string([]rune(shown)[:maxText-1]) + "…"
}

// Finds reports whether a text holds a part of a secret, or a token.
func (c Cleaner) Finds(text string) bool {
	for _, stage := range stages(text) {
		folded := fold(stage)
		if c.holdsPart(folded) || tokenBegin.MatchString(folded) || tokenPattern.MatchString(stage) {
			return true
		}
		for _, secret := range c.raw {
			if strings.Contains(stage, secret) {
				return true
			}
		}
	}
	return false
}

func (c Cleaner) holdsPart(folded string) bool {
	for size, parts := range c.parts {
		for at := range len(folded) - size + 1 {
			if parts[folded[at:at+size]] {
				return true
			}
		}
	}
	return false
}

var (
	// tokenPattern matches a token as it is written.
	tokenPattern = regexp.MustCompile(`eyJ[\w-]{8}`)
	// tokenBegin matches {"alg", {"typ", {"kid", {"cty", {"x5c", {"x5t and {"pi. in
	// base64, which begin a JWT, after its punctuation and case are gone.
	tokenBegin = regexp.MustCompile(`eyj(hbgci|0exai|rawqi|jdhki|4nwmi|4nxqi|was5)`)
)

// fold leaves the letters and digits of ASCII, in lower case. Fullwidth forms count as
// the characters that they look like.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, text)
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
