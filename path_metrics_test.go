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

func TestMetricsCountExchangesReadsAndTime(t *testing.T) {
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

func TestMetricsOfAFreshMountAreNotEmpty(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	require.InDelta(t, e.begun.Unix(), e.scrape()["itwin_start_time_seconds"], 0)
}
