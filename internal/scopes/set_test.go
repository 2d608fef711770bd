package scopes_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
)

func TestParseReturnsTheCanonicalForm(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"itwin-platform":                "itwin-platform",
		" b,a  a , b ":                  "a b",
		"itwins:read imodels:modify,!x": "!x imodels:modify itwins:read",
		strings.Repeat("a", 1024):       strings.Repeat("a", 1024),
	} {
		set, err := scopes.Parse(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, set.String())
	}
}

func TestParseRefusesInvalidScopes(t *testing.T) {
	t.Parallel()
	for raw, rule := range map[string]string{
		"":                        "must name at least one scope",
		" , ":                     "must name at least one scope",
		"itwin-platform openid":   "must not contain openid",
		"offline_access":          "must not contain offline_access",
		`a"b`:                     "printable ASCII",
		`a\b`:                     "printable ASCII",
		"a\tb":                    "printable ASCII",
		"Straße":                  "printable ASCII",
		strings.Repeat("a", 1025): "at most 1024 characters",
	} {
		_, err := scopes.Parse(raw)
		require.ErrorContains(t, err, rule, raw)
	}
}

func TestEqualSetsAreTheSameMapKey(t *testing.T) {
	t.Parallel()
	one, err := scopes.Parse("b a")
	require.NoError(t, err)
	other, err := scopes.Parse("a,b,b")
	require.NoError(t, err)
	require.Equal(t, one, other)
	require.Len(t, map[scopes.Set]bool{one: true, other: true}, 1)
}

func TestWithoutNamesTheScopesThatWereNotGranted(t *testing.T) {
	t.Parallel()
	asked := scopes.Granted("a b c")
	require.Equal(t, "b", asked.Without(scopes.Granted("c", "a", "d")).String())
	require.True(t, asked.Without(asked).IsZero())
}
