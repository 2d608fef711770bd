package itwin

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// A call that did its work and says that it didn't must leave the node as if it
// had failed, or as if it had worked, and a second try must work.
func TestStorageThatFailsAfterItHasWorkedLeavesAWhole(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fail, prefix string
		op           logical.Operation
		path         string
		data         fields
		text         string // empty: the request goes on
	}{
		"creating a config": {
			opPut, "config/", logical.UpdateOperation, "config/new",
			fields{keyClientID: "n", keyClientSecret: "s", keyVerify: false},
			"writing config",
		},
		"changing a config": {opPut, "config", logical.UpdateOperation, "config", fields{keyRenewBefore: 60}, "writing config"},
		"patching a config": {opPut, "config", logical.PatchOperation, "config", fields{keyClientSecret: "canary-2"}, "writing config"},
		"deleting a config": {opDelete, "config", logical.DeleteOperation, "config", nil, "deleting config"},
		"creating a role":   {opPut, "role/", logical.UpdateOperation, "role/new", nil, "writing role"},
		"changing a role":   {opPut, "role/", logical.UpdateOperation, "role/viewer", fields{keyScopes: "imodels:read"}, "writing role"},
		"deleting a role":   {opDelete, "role/", logical.DeleteOperation, "role/viewer", nil, "deleting role"},
		"storing a token":   {opPut, "token/", logical.UpdateOperation, "rotate", nil, ""},
		"loading a token":   {opGet, "token/", logical.ReadOperation, "token/viewer", nil, ""},
		"purging tokens":    {opDelete, "token/", logical.UpdateOperation, "config", fields{keyClientSecret: "canary-2"}, ""},
		"finding tokens":    {opList, "token/", logical.UpdateOperation, "config", fields{keyClientSecret: "canary-2"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
			e.storage.FailLate(c.fail, c.prefix)
			if c.text == "" {
				e.must(c.op, c.path, c.data)
			} else {
				_, text := e.mustFail(c.op, c.path, c.data)
				require.Equal(t, c.text+": "+errStorage.Error(), text)
			}
			e.storage.Work()
			e.must(c.op, c.path, c.data)
			e.mustAgreeWithANewNode()
		})
	}
}

// mustAgreeWithANewNode holds where memory and storage are one: a restart changes
// no answer.
func (e *env) mustAgreeWithANewNode() {
	e.t.Helper()
	restarted := e.node()
	for _, path := range []string{"config", "config/new", "role/viewer", "role/new", "token", "token/viewer"} {
		here, hereErr := e.handle(e.t.Context(), logical.ReadOperation, path, nil)
		there, thereErr := restarted.handle(e.t.Context(), logical.ReadOperation, path, nil)
		require.NoError(e.t, hereErr, path)
		require.NoError(e.t, thereErr, path)
		require.Equal(e.t, here, there, path)
	}
}

func TestStoredEntriesCutAnywhereAreNeverReadAsWhole(t *testing.T) {
	t.Parallel()
	whole := newConfiguredEnv(t)
	whole.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	entries := whole.storage.Entries(t, "")
	require.Len(t, entries, 3)
	for key, value := range entries {
		t.Run(strings.SplitN(key, "/", 2)[0], func(t *testing.T) {
			t.Parallel()
			value = strings.TrimSpace(value)
			storage := newFaultyStorage()
			for cut := range len(value) {
				storage.Plant(t, key, value[:cut])
				mustReadAsDamaged(t, storage, key)
			}
		})
	}
}

func mustReadAsDamaged(t *testing.T, storage logical.Storage, key string) {
	t.Helper()
	switch {
	case key == configStorageKey:
		c, err := loadConfig(t.Context(), storage, "")
		require.Nil(t, c)
		require.Equal(t, errDamagedConfig, err)
	case strings.HasPrefix(key, rolePrefix):
		r, err := loadRole(t.Context(), storage, strings.TrimPrefix(key, rolePrefix))
		require.Nil(t, r)
		require.Equal(t, errDamagedRole, err)
	default:
		token, err := loadToken(t.Context(), storage, key)
		require.NoError(t, err)
		require.Nil(t, token)
	}
}

func TestEntriesOfAnEarlierFormatAreRead(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.storage.Plant(t, "config", `{"client_id":"service-test","client_secret":"canary","generation":"g","authority":"`+e.ims.URL+`"}`)
	shown := e.mustRead("config").Data
	require.Equal(t, int64(defaultRenewBefore/time.Second), shown[keyRenewBefore], "a field that is new has its default")
	require.Equal(t, canaryToken+"1", e.token())
}
