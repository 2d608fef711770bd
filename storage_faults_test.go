package itwin

import (
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestStorageFailuresAreNamedAndNothingElseIsLost(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fail   string
		prefix string
		op     logical.Operation
		path   string
		data   fields
		text   string
	}{
		"reading a config":   {opGet, "config", logical.ReadOperation, "config", nil, "reading config"},
		"checking a config":  {opGet, "config", logical.UpdateOperation, "config", fields{keyRenewBefore: 60}, "reading config"},
		"patching a config":  {opGet, "config", logical.PatchOperation, "config", fields{keyRenewBefore: 60}, "reading config"},
		"writing a config":   {opPut, "config", logical.UpdateOperation, "config", fields{keyRenewBefore: 60}, "writing config"},
		"deleting a config":  {opDelete, "config", logical.DeleteOperation, "config", nil, "deleting config"},
		"ending an app":      {opGet, "config", logical.DeleteOperation, "config", nil, "reading config"},
		"listing apps":       {opList, "config/", logical.ListOperation, "config/", nil, "listing config/"},
		"reading a role":     {opGet, "role/", logical.ReadOperation, "role/viewer", nil, "reading role"},
		"checking a role":    {opGet, "role/", logical.UpdateOperation, "role/viewer", nil, "reading role"},
		"patching a role":    {opGet, "role/", logical.PatchOperation, "role/viewer", nil, "reading role"},
		"writing a role":     {opPut, "role/", logical.UpdateOperation, "role/viewer", nil, "writing role"},
		"deleting a role":    {opDelete, "role/", logical.DeleteOperation, "role/viewer", nil, "deleting role"},
		"listing roles":      {opList, "role/", logical.ListOperation, "role/", nil, "listing role/"},
		"a token's config":   {opGet, "config/", logical.ReadOperation, "token/qa", nil, "reading config"},
		"a token's role":     {opGet, "role/", logical.ReadOperation, "token/qa", nil, "reading role"},
		"rotating by a role": {opGet, "role/", logical.UpdateOperation, "rotate/qa", nil, "reading role"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.mustWrite("config/qa", e.app())
			e.mustWrite("role/qa", fields{keyApp: "qa"})
			e.mustWrite("role/viewer", nil)
			e.InvalidateKey(t.Context(), "config/qa")
			before := e.storage.Entries(t, "")
			e.storage.Fail(c.fail, c.prefix)
			status, text := e.mustFail(c.op, c.path, c.data)
			require.Equal(t, http.StatusInternalServerError, status)
			require.Equal(t, c.text+": the disk is on fire", text)
			require.Equal(t, canaryToken+"1", e.token(), "readers go on")
			e.storage.Work()
			require.Equal(t, before, e.storage.Entries(t, ""))
			e.must(c.op, c.path, c.data)
		})
	}
}

func TestTokenStorageThatFailsHoldsNoReaderUp(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opGet, opPut} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t).node()
			e.clock.advance(lifetime)
			e.storage.Fail(op, "token/")
			require.Equal(t, canaryToken+"2", e.token())
			require.Equal(t, canaryToken+"2", e.token())
			require.Contains(t, e.log.String(), "could not load or store a token")
			require.Contains(t, e.log.String(), errStorage.Error())
		})
	}
}

func TestTokensThatCannotBeDeletedAreLeftForTheSweep(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opList, opDelete} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.storage.Fail(op, "token/")
			e.mustWrite("config", fields{keyClientSecret: canarySecret + "2"})
			require.Len(t, e.storage.Entries(t, "token/"), 2)
			require.Contains(t, e.log.String(), "the next sweep will try again")
			e.storage.Work()
			e.mustSweep()
			require.Len(t, e.storage.Entries(t, "token/"), 1)
			require.Equal(t, canaryToken+"2", e.node().token())
		})
	}
}

func TestConfigWriteThatFailsAfterItWasDoneIsHealedByTheNext(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.storage.FailLate(opPut, "config")
	next := fields{keyClientID: "service-other", keyVerify: false}
	e.mustFail(logical.UpdateOperation, "config", next)
	require.Equal(t, canaryToken+"1", e.token())
	e.storage.Work()
	e.mustWrite("config", next)
	shown := e.mustRead("token").Data
	require.Equal(t, canaryToken+"2", shown[keyAccessToken], "the old identity's token is gone")
	require.Equal(t, "service-other", shown[keyClientID])
}
