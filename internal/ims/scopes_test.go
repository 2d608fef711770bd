package ims

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
