package outbound

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

const canary = "cAnary7+Secret/Value42=="

func TestNoFormOfASecretIsShown(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("service-a:" + canary))
	clean := NewCleaner(canary, basic).Text
	for name, form := range map[string]string{
		"plain":                      canary,
		"the entity of X1":           strings.ReplaceAll(canary, "+", "&#43;"),
		"named entities":             html.EscapeString(strings.ReplaceAll(canary, "/", "&sol;")),
		"an entity in an entity":     strings.ReplaceAll(canary, "+", "&amp;#43;"),
		"percent-encoded":            url.QueryEscape(canary),
		"percent-encoded twice":      url.QueryEscape(url.QueryEscape(canary)),
		"percent-encoded in full":    eachByte("%%%02x"),
		"JSON":                       strings.ReplaceAll(canary, "+", `\u002b`),
		"JSON, slashes escaped":      strings.ReplaceAll(canary, "/", `\/`),
		"JSON in JSON":               strings.ReplaceAll(canary, "+", `\\u002b`),
		"Python":                     eachByte(`\x%02x`),
		"C":                          eachByte(`\%03o`),
		"quoted-printable":           eachByte("=%02X"),
		"quoted-printable, wrapped":  canary[:10] + "=\r\n" + canary[10:],
		"without its end":            strings.TrimRight(canary, "="),
		"decoded once too often":     strings.ReplaceAll(canary, "+", " "),
		"upper case":                 strings.ToUpper(canary),
		"eight characters":           canary[9:18],
		"letters apart":              strings.Join(strings.Split(canary, ""), " "),
		"a hidden character":         canary[:5] + "\u200b" + canary[5:],
		"a hidden character escaped": canary[:5] + "%E2%80%8B" + canary[5:],
		"fullwidth":                  strings.ReplaceAll(canary, "S", "Ｓ"),
		"hex":                        hex.EncodeToString([]byte(canary)),
		"hex with colons":            eachByte("%02X:"),
		"base64":                     base64.StdEncoding.EncodeToString([]byte(canary)),
		"base64 within more":         base64.URLEncoding.EncodeToString([]byte("xy" + canary + "z")),
		"Basic":                      "Basic " + basic,
		"Basic, cut":                 basic[20:32],
	} {
		require.Empty(t, clean("it was "+form+" that you sent"), name)
	}
}

func eachByte(format string) string {
	var written strings.Builder
	for _, b := range []byte(canary) {
		_, _ = fmt.Fprintf(&written, format, b)
	}
	return written.String()
}

func TestASecretThatLooksEscapedIsFound(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"abc%41bc%42", "a&amp;b&amp;c", `a\u0041b\u0042c`} {
		clean := NewCleaner(secret).Text
		for _, echo := range []string{secret, url.QueryEscape(secret), html.UnescapeString(secret)} {
			require.Empty(t, clean("sent: "+echo), echo)
		}
	}
}

func TestOfAShortSecretAllCharactersCount(t *testing.T) {
	t.Parallel()
	require.Empty(t, NewCleaner("s3-Cr").Text("you sent S3CR"))
	require.Equal(t, "you sent s3c", NewCleaner("s3-Cr").Text("you sent s3c"))
	require.Empty(t, NewCleaner("+/+/").Text("you sent %2B/+/"))
	require.Equal(t, "a text", NewCleaner("", "+/+/").Text("a text"))
}

func TestNoTokenIsShown(t *testing.T) {
	t.Parallel()
	for _, token := range []string{
		"eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiIxIn0.c2ln_-", "eyJhbGciOiJSUzI1", "EYJHBGCIOIJSUZI1NIJ9", "eyJ hbGc iOiJS", "eyJ%68bGciOiJSUzI1",
	} {
		require.Empty(t, NewCleaner().Text("got "+token), token)
	}
	require.Empty(t, NewCleaner("opaque-token-1234").Text("got token-1234"))
}

func TestWhatHasNothingToHideIsShown(t *testing.T) {
	t.Parallel()
	clean := NewCleaner(canary, base64.StdEncoding.EncodeToString([]byte("service-a:"+canary))).Text
	for _, text := range []string{
		"Invalid client or client credentials.", "größe 中 🎉", "the key Journal says 100 %, a=b", "service-a", "their JSON, they Joined",
		"0b0f2f5e-1c1b-4f3e-9d51-3b1f0e6d2a77", "itwin-platform imodels:read",
	} {
		require.Equal(t, text, clean(text))
	}
}

func TestATextIsOneShortLine(t *testing.T) {
	t.Parallel()
	clean := NewCleaner().Text
	require.Equal(t, "abcdefgh", clean("a\x00b\nc\x1b\u202ed\u2028e\u2029f\ufeffg\xff\ufffdh"))
	require.Equal(t, strings.Repeat("ü", 200), clean(strings.Repeat("ü", 200)))
	cut := clean(strings.Repeat("ü", 201))
	require.Equal(t, 200, utf8.RuneCountInString(cut))
	require.True(t, strings.HasSuffix(cut, "ü…"))
	require.Len(t, clean(strings.Repeat("%25", 1<<20)), 199+len("…"), "and it takes no time")
}
