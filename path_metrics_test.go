package itwin

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// scrape returns the values of a scrape by name and labels, histograms by their count.
func (e *env) scrape() map[string]float64 {
	e.t.Helper()
	data := e.mustRead("metrics").Data
	require.Equal(e.t, "text/plain; version=0.0.4; charset=utf-8", data[logical.HTTPContentType])
	require.Equal(e.t, http.StatusOK, data[logical.HTTPStatusCode])
	body := data[logical.HTTPRawBody].([]byte)
	e.mustHideCanaries(string(body))
	problems, err := promlint.New(bytes.NewReader(body)).Lint()
	require.NoError(e.t, err)
	require.Empty(e.t, problems)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	require.NoError(e.t, err)
	values := make(map[string]float64)
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			series := name
			for _, label := range metric.GetLabel() { // more labels would multiply the series
				require.Contains(e.t, []string{"app", "outcome"}, label.GetName())
				series += " " + label.GetValue()
			}
			values[series] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() +
				float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return values
}

func TestMetricsTellOfExchangesReadsAndTime(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config/qa", e.app())
	e.mustWrite("role/qa", fields{keyApp: "qa"})
	e.token("token/qa")
	e.mustWrite("rotate", nil)
	e.token()
	e.clock.advance(10 * time.Minute)
	got := e.scrape()
	for series, want := range map[string]float64{
		"itwin_exchange_duration_seconds config minted": 2,
		"itwin_exchanges_total config minted":           2,
		"itwin_reads_total config fresh":                1,
		"itwin_reads_total config degraded":             0,
		"itwin_reads_total config/qa fresh":             1,
		"itwin_coalesced_reads_total config":            0,
		"itwin_token_rotation_seconds config":           1200,
		"itwin_token_expiry_seconds config/qa":          3000,
		"itwin_failing config":                          0,
		"itwin_degraded config":                         0,
	} {
		require.InDelta(t, want, got[series], 0, series)
	}
}

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
		require.InDelta(t, 1, got[name+" config minted"], 0, "the proof of the config, whose token is handed out")
		require.InDelta(t, 1, got[name+" config refused"], 0, "the rotation: what a check or a write is told stays between them")
	}
}

func TestMetricsTellOfAnOutage(t *testing.T) {
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

func TestMetricsSayNothingOfTokensThatNobodyReads(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.advance(31 * time.Minute)
	got := e.scrape()
	require.NotContains(t, got, "itwin_token_rotation_seconds config")
	require.NotContains(t, got, "itwin_token_expiry_seconds config")
}

func TestCountersOutliveConfigWritesAndInvalidation(t *testing.T) {
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

func TestMetricsOfAFreshMountAreNotEmpty(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	require.InDelta(t, e.begun.Unix(), e.scrape()["itwin_start_time_seconds"], 0)
}
