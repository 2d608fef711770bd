package itwin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestAllowedRolesAreNamesWithStars(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patterns string
		role     string
		allowed  bool
	}{
		"the default allows any":                   {"*", "viewer", true},
		"no role is needed without one":            {"viewer", "", true},
		"a name allows itself":                     {"editor,viewer", "viewer", true},
		"a name allows no other":                   {"viewer", "viewer2", false},
		"a star stands for any characters":         {"team-a-*", "team-a-survey.1", true},
		"a star stands for none":                   {"team-a-*", "team-a-", true},
		"a star doesn't reach what is before it":   {"team-a-*", "x-team-a-y", false},
		"a star in the middle":                     {"team-*-ro", "team-a-b-ro", true},
		"a name of an alias":                       {"*@example.com", "alice@example.com", true},
		"a dot stands for itself":                  {"a.b", "axb", false},
		"names are told apart by case, as storage": {"Viewer", "viewer", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patterns, err := parseAllowedRoles(c.patterns)
			require.NoError(t, err)
			require.Equal(t, c.allowed, (&config{AllowedRoles: patterns}).allowsRole(c.role))
		})
	}
	_, err := parseAllowedRoles(strings.Repeat("a,", maxAllowedRoles+1))
	require.EqualError(t, err, "must be at most 1024 names: use * for any characters")
}

func TestRoleThatItsAppDoesNotAllowIsStoredWithAWarning(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config", fields{keyAllowedRoles: "team-a-*", keyVerify: false})
	require.Nil(t, e.mustWrite("role/team-a-survey", nil))
	resp := e.mustWrite("role/team-b", nil)
	require.Equal(t, []string{"role \"team-b\" may not use the default app, whose allowed_roles don't include it:" +
		" run `vault write itwin/config allowed_roles=…` with its name added, or give the role another app"}, resp.Warnings)
}

func TestRoleThatItsAppDoesNotAllowGetsNothing(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/team-a", nil)
	e.mustWrite("role/viewer", nil)
	require.Equal(t, canaryToken+"1", e.token("token/viewer"), "from now on it is read without a call to Vault")
	other := e.node()
	other.token("token/viewer")
	e.mustWrite("config", fields{keyAllowedRoles: "team-*", keyVerify: false})
	other.InvalidateKey(t.Context(), "config")

	refusal := errRoleNotAllowed(mount, "viewer", "").Error()
	for _, node := range []*env{e, other, e.node()} {
		for path, op := range map[string]logical.Operation{
			"token/viewer": logical.ReadOperation, "rotate/viewer": logical.UpdateOperation, "check/viewer": logical.ReadOperation,
		} {
			status, text := node.mustFail(op, path, nil)
			require.Equal(t, http.StatusBadRequest, status, path)
			require.Equal(t, refusal, text, path)
		}
		_, _, viewer := node.status("viewer")
		require.Equal(t, "failing", viewer[keyState])
		require.Equal(t, refusal, viewer[keyLastFailure])
		require.Equal(t, canaryToken+"1", node.token("token/team-a"))
		require.Equal(t, canaryToken+"1", node.token(), "which needs no role")
	}
	require.Equal(t, 1, e.ims.Exchanges())

	e.mustWrite("config", fields{keyAllowedRoles: "*", keyVerify: false})
	require.Equal(t, canaryToken+"1", e.token("token/viewer"))
}

func TestRoleReadsBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, shown any }{
		"commas, out of order":        {"b, a", "b, a"},
		"a list":                      {[]any{"b", "a"}, []string{"b", "a"}},
		"a key given twice":           {[]string{"b", "a"}, []string{"b", "a"}},
		"nothing":                     {"", ""},
		"an empty list, as the app's": {[]any{}, ""},
		"a file":                      {"b a\n", "b a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.mustWrite("role/viewer", fields{keyScopes: c.given})
			require.Equal(t, c.shown, e.mustRead("role/viewer").Data[keyScopes])
			e.mustWrite("role/viewer", fields{keyApp: ""})
			require.Equal(t, c.shown, e.node().mustRead("role/viewer").Data[keyScopes], "when something else is written")
			want := map[bool]string{true: "a b", false: defaultScopes}[c.shown != ""]
			require.Equal(t, want, e.mustRead("token/viewer").Data[keyScope])
		})
	}
}
