package itwin

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestConfigIsProvedWhereVerifyIsNull(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	before := e.storage.Entries(t, "config")
	e.ims.Refuse("invalid_client")
	status, text := e.mustFail(logical.PatchOperation, "config", fields{keyClientID: "service-other", keyVerify: nil})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "invalid_client")
	require.Equal(t, before, e.storage.Entries(t, "config"))
}

func TestProofWaitsForOneOfTheAppsExchanges(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	a, ok := e.apps.peek("")
	require.True(t, ok)
	for range 8 {
		_, err := a.pool.Slot(t.Context())
		require.NoError(t, err)
	}
	before := e.ims.Exchanges()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := e.handle(ctx, logical.UpdateOperation, "config", fields{keyRenewBefore: "10m"})
	require.ErrorContains(t, err, "the request ended")
	require.Equal(t, before, e.ims.Exchanges())
}

func TestWishForTooMuchLifeIsNoFailedRead(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustFail(logical.ReadOperation, "token", fields{keyMinTTL: 59 * int(time.Minute/time.Second)})
	require.Zero(t, e.tallies.total("", "").failed)
}

func TestDamagedConfigIsAMistakeToMendNotAFailure(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.storage.Plant(t, "config", "{")
	status, text := e.mustFail(logical.ReadOperation, "token", nil)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "write it again in full")
}
