package ims

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

func appCleaner() outbound.Cleaner {
	return newCleaner(appID, secret.New(appSecret))
}

func TestEveryFormOfTheSecretIsScrubbed(t *testing.T) {
	t.Parallel()
	escaped := url.QueryEscape(appSecret)
	basicEscaped := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(appID) + ":" + escaped))
	forms := map[string]string{
		"plain":                    appSecret,
		"form-encoded":             escaped,
		"form-encoded, lower case": strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3D", "%3d", "%3A", "%3a").Replace(escaped),
		"path-encoded":             url.PathEscape(appSecret),
		"JSON":                     strings.ReplaceAll(appSecret, "&", `\u0026`),
		"hex":                      hex.EncodeToString([]byte(appSecret)),
		"Basic":                    base64.StdEncoding.EncodeToString([]byte(appID + ":" + appSecret)),
		"Basic, form-encoded":      basicEscaped,
		"Basic without padding":    strings.TrimRight(basicEscaped, "="),
		"with a hidden character":  appSecret[:5] + "\u200b" + appSecret[5:],
	}
	for name, form := range forms {
		cleaned := appCleaner().Text("before " + form + " after")
		require.Equal(t, "before [redacted] after", strings.ReplaceAll(cleaned, "=", ""), name)
	}
}

func TestHiddenCharactersAreRemoved(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abcdefgh", appCleaner().Text("a\x00b\nc\x1b\u202ed\u2028e\u2029f\ufeffg\xff\ufffdh"))
	require.Equal(t, "größe 中 🎉", appCleaner().Text("größe 中 🎉"))
}

func TestATextIsCutAt200CharactersAfterTheScrub(t *testing.T) {
	t.Parallel()
	require.Equal(t, strings.Repeat("ü", 200), appCleaner().Text(strings.Repeat("ü", 200)))

	cut := appCleaner().Text(strings.Repeat("ü", 201))
	require.Equal(t, 200, utf8.RuneCountInString(cut))
	require.True(t, strings.HasSuffix(cut, "ü…"))

	require.NotContains(t, appCleaner().Text(strings.Repeat("x", 195)+appSecret), "canar")
}

func TestATokenThatIMSRepeatsIsRemoved(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiIxIn0.c2ln_-", "eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiIxIn0"} {
		require.Equal(t, "got [redacted], why?", appCleaner().Text("got "+token+", why?"))
	}
}
