package itwin

import (
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestRoleShowsItsDefaults(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustBeAbsent("role/viewer")
	require.Nil(t, e.mustWrite("role/viewer", nil))
	require.Equal(t, fields{keyApp: "", keyScopes: ""}, e.mustRead("role/viewer").Data)
}

func TestRoleUpdateChangesOnlyTheGivenFields(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config/qa", e.app())
	e.mustWrite("role/viewer", fields{keyApp: "qa", keyScopes: "itwins:read"})
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read,imodels:read"})
	require.Equal(t, fields{keyApp: "qa", keyScopes: "itwins:read,imodels:read"}, e.mustRead("role/viewer").Data)
	e.mustPatch("role/viewer", fields{keyApp: nil})
	require.Equal(t, fields{keyApp: "", keyScopes: "itwins:read,imodels:read"}, e.mustRead("role/viewer").Data)
	e.mustPatch("role/viewer", fields{keyApp: "qa", keyScopes: nil})
	require.Equal(t, fields{keyApp: "qa", keyScopes: ""}, e.mustRead("role/viewer").Data)
	e.mustWrite("role/viewer", fields{keyApp: "", keyScopes: ""})
	require.Equal(t, fields{keyApp: "", keyScopes: ""}, e.mustRead("role/viewer").Data)
}

func TestRolePatchNeedsSomethingToPatch(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	status, text := e.mustFail(logical.PatchOperation, "role/viewer", fields{keyScopes: "itwins:read"})
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "role \"viewer\" doesn't exist, so there is nothing to patch: run `vault write -f itwin/role/viewer`", text)
}

func TestRolesAreListedAndDeletedOneByOne(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	require.Empty(t, e.mustList("role/"))
	e.mustWrite("role/viewer", nil)
	e.mustWrite("role/editor", nil)
	require.Equal(t, []string{"editor", "viewer"}, e.mustList("role/"))
	e.token("token/viewer")
	e.mustDelete("role/viewer")
	e.mustDelete("role/viewer")
	require.Equal(t, []string{"editor"}, e.mustList("role/"))
	e.mustBeAbsent("role/viewer")
	_, text := e.mustFailRead("token/viewer")
	require.Contains(t, text, `role "viewer" doesn't exist`)
	e.token("token/editor")
}

func TestRoleWarnsAboutAMissingApp(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	resp := e.mustWrite("role/viewer", fields{keyApp: "qa"})
	require.Equal(t, []string{
		"app \"qa\" isn't configured yet: run `vault write itwin/config/qa client_id=… client_secret=…`",
	}, resp.Warnings)
	e.mustWrite("config/qa", e.app())
	require.Equal(t, canaryToken+"1", e.token("token/viewer"))
	require.Nil(t, e.mustWrite("role/viewer", fields{keyApp: "qa"}))
}

func TestRoleRefusesBadValues(t *testing.T) {
	t.Parallel()
	const noName = "app may contain letters, digits and underscores and, except at the ends, dashes and dots (never two dots in a row);" +
		" run `vault list` on config/ to see the existing apps"
	cases := map[string]struct {
		data fields
		text string
	}{
		"an app in a folder": {fields{keyApp: "a/b"}, noName},
		"an app with spaces": {fields{keyApp: "a b"}, noName},
		"an app in a list":   {fields{keyApp: []any{"qa"}}, "app must be a string"},
		"a scope for people": {
			fields{keyScopes: "openid"},
			"scopes must not contain openid: openid, email, profile, organization and offline_access are for users, not for service apps",
		},
		"scopes of separators":  {fields{keyScopes: ","}, "scopes must name at least one scope, such as itwin-platform"},
		"a field of the config": {fields{keyClientSecret: canarySecret}, `unknown field "client_secret": the fields are app, scopes`},
	}
	for name, c := range cases {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.mustRefuse(c.text, "role/viewer", c.data)
			e.mustBeAbsent("role/viewer")
		})
	}
}

func TestUnreadableRoleIsReplacedByAWrite(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]string{
		"an entry that isn't JSON":   "canary{",
		"an entry of a later format": `{"format":99,"app":"canary"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.storage.Plant(t, "role/viewer", stored)
			for _, path := range []string{"role/viewer", "token/viewer"} {
				_, text := e.mustFailRead(path)
				require.Equal(t, errDamagedRole.Error(), text)
			}
			_, text := e.mustFail(logical.PatchOperation, "role/viewer", fields{keyScopes: "itwins:read"})
			require.Equal(t, errDamagedRole.Error(), text)
			e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
			require.Equal(t, "itwins:read", e.mustRead("token/viewer").Data[keyScope])
		})
	}
}

func TestRoleWriteTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	require.Equal(t, "itwins:read", e.mustRead("token/viewer").Data[keyScope])
	e.mustWrite("role/viewer", fields{keyScopes: "imodels:read"})
	require.Equal(t, "imodels:read", e.mustRead("token/viewer").Data[keyScope])
}
