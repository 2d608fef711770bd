package ims

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseEndpointReturnsOneForm(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"https://ims.bentley.com":               "https://ims.bentley.com",
		"https://ims.bentley.com/":              "https://ims.bentley.com",
		"HTTPS://IMS.Bentley.com/Connect/token": "https://ims.bentley.com/Connect/token",
		"https://ims.bentley.com:8443/a//":      "https://ims.bentley.com:8443/a",
		"http://localhost:8080":                 "http://localhost:8080",
		"http://127.9.9.9":                      "http://127.9.9.9",
		"http://[::1]:80/":                      "http://[::1]:80",
	}
	for raw, want := range cases {
		endpoint, err := ParseEndpoint(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, endpoint)
	}
}

func TestParseEndpointRefusesAndNeverEchoes(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "canary", "//canary", "ftp://canary", "https://", "https:canary", "https:///canary",
		"http://canary.com", "http://localhost.canary.com", "http://128.0.0.1", "http://10.0.0.1",
		"https://user:canary@ims.bentley.com", "https://canary@ims.bentley.com", "https://@ims.bentley.com",
		"https://ims.bentley.com?canary", "https://ims.bentley.com?", "https://ims.bentley.com#canary", "https://ims.bentley.com/#",
		"https://ims.bentley.com:canary", "https://ims.bentley.com:0", "https://ims.bentley.com:65536", "https://ims.bentley.com:",
		"https://ims.bentley.com/\ncanary", "https://ims.bentley.com/ canary", "https://ims.bentley.com/\u202ecanary", " https://canary",
		"https://user:canary%zz@ims.bentley.com",
	} {
		_, err := ParseEndpoint(raw)
		require.Error(t, err, "%q", raw)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestParseScopesReturnsTheScopeParameter(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"itwin-platform":                        "itwin-platform",
		" itwins:read,imodels:modify  ,  a!~[]": "itwins:read imodels:modify a!~[]",
		"b a b,a":                               "b a",
		strings.Repeat("x", maxScopes):          strings.Repeat("x", maxScopes),
	}
	for raw, want := range cases {
		scopes, err := ParseScopes(raw)
		require.NoError(t, err)
		require.Equal(t, want, scopes)
	}
}

func TestParseScopesRefuses(t *testing.T) {
	t.Parallel()
	for raw, words := range map[string]string{
		"":                               "at least one",
		" , ,":                           "at least one",
		"itwin-platform openid":          "for people",
		"email":                          "for people",
		"profile":                        "for people",
		"organization":                   "for people",
		"offline_access":                 "for people",
		"a\tb":                           "printable",
		`a"b`:                            "printable",
		`a\b`:                            "printable",
		"é":                              "printable",
		strings.Repeat("x", maxScopes+1): "1024",
	} {
		_, err := ParseScopes(raw)
		require.ErrorContains(t, err, words, "%q", raw)
	}
}

func TestRetryAfterIsReadAgainstTheAnswersOwnDate(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return noon().Add(d).Format(http.TimeFormat) }
	cases := []struct {
		name, value, date string
		want              time.Duration
	}{
		{"absent", "", "", 0},
		{"seconds", "30", "", 30 * time.Second},
		{"more than five minutes", "3600", "", 5 * time.Minute},
		{"more than fits a number", "99999999999999999999999", "", 5 * time.Minute},
		{"negative seconds", "-5", "", 0},
		{"a fraction", "1.5", "", 0},
		{"words", "soon", "", 0},
		{"a date after the answer's own", at(time.Hour + time.Minute), at(time.Hour), time.Minute},
		{"a date before the answer's own", at(-time.Minute), at(time.Hour), 0},
		{"a date without the answer's own", at(time.Minute), "", time.Minute},
		{"a date next to one that can't be read", at(time.Minute), "today", time.Minute},
		{"a date far away", at(48 * time.Hour), at(0), 5 * time.Minute},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Retry-After": {c.value}, "Date": {c.date}}
			require.Equal(t, c.want, retryAfter(header, noon()))
		})
	}
}
