package itwin

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestMetricsCountTheExchangesOfTokensToHandOut(t *testing.T) {
	t.Parallel()
	e, _ := newCheckEnv(t)
	e.check("check")
	e.ims.Refuse("invalid_client")
	e.check("check")
	e.mustFail(logical.UpdateOperation, "config", fields{keyClientSecret: "canary-wrong"})
	e.mustFail(logical.UpdateOperation, "rotate", nil)
	got := e.scrape()
	for _, name := range []string{"itwin_exchanges_total", "itwin_exchange_duration_seconds"} {
		require.InDelta(t, 1, got[name+" config minted"], 0, "the verified config, whose token is handed out")
		require.InDelta(t, 1, got[name+" config refused"], 0, "the rotation; neither the check nor the write that failed")
	}
	require.InDelta(t, 1, got["itwin_failing config"], 0)
	require.InDelta(t, 0, got["itwin_degraded config"], 0, "the shared token isn't due yet")
}

func TestMetricsShowAnOutage(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	e.ims.Refuse("invalid_client")
	e.advance(31 * time.Minute)
	e.token()
	got := e.scrape()
	require.InDelta(t, 1, got["itwin_failing config"], 0)
	require.InDelta(t, 1, got["itwin_degraded config"], 0)
	require.InDelta(t, 1, got["itwin_reads_total config degraded"], 0)
	require.InDelta(t, -60, got["itwin_token_rotation_seconds config"], 0)
	require.Positive(t, got["itwin_exchanges_total config refused"])
	require.InDelta(t, got["itwin_exchanges_total config refused"], got["itwin_exchange_duration_seconds config refused"], 0)
}

func TestMetricsOmitTokensThatNobodyReads(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.advance(31 * time.Minute)
	got := e.scrape()
	require.NotContains(t, got, "itwin_token_rotation_seconds config")
	require.NotContains(t, got, "itwin_token_expiry_seconds config")
}

func TestCountersSurviveConfigWritesAndInvalidation(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	e.mustWrite("config", fields{keyRenewBefore: "20m"})
	e.mustWrite("config", e.app(fields{keyClientSecret: "canary-2"}))
	e.token()
	e.InvalidateKey(t.Context(), "config")
	require.InDelta(t, 2, e.scrape()["itwin_reads_total config fresh"], 0, "though the app isn't in memory")
	e.token()
	require.InDelta(t, 3, e.scrape()["itwin_reads_total config fresh"], 0)
	require.NotContains(t, e.node().scrape(), "itwin_reads_total config fresh", "another mount counts for itself")
	e.mustDelete("config")
	require.Len(t, e.scrape(), 1, "the time when counting began")
}
