package measure

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryConnectionReadsOnceWithoutADuration(t *testing.T) {
	t.Parallel()
	var reads atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/itwin/token" && r.Header.Get("X-Vault-Token") == "root" {
			reads.Add(1)
		}
	}))
	defer server.Close()
	c := NewClient(server.URL, "root", 5)
	defer c.Close()
	load, err := c.Read(Plan{Path: func() string { return "itwin/token" }})
	require.NoError(t, err)
	require.Len(t, load.Latencies, 5)
	require.EqualValues(t, 5, reads.Load())
}

func TestAStatusOtherThan200EndsTheRound(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	c := NewClient(server.URL, "root", 2)
	defer c.Close()
	_, err := c.Read(Plan{Path: func() string { return "nothing" }, Duration: time.Hour})
	require.ErrorContains(t, err, "404")
}

func TestSidesTakeTurnsInGoingFirst(t *testing.T) {
	t.Parallel()
	var order string
	side := func(name string) func() (string, error) {
		return func() (string, error) { order += name; return name, nil }
	}
	pairs, err := Interleave(3, side("p"), side("f"))
	require.NoError(t, err)
	require.Equal(t, "pffppf", order)
	require.Equal(t, []Pair[string]{{"p", "f"}, {"p", "f"}, {"p", "f"}}, pairs)
}

func TestASideThatFailsEndsTheRounds(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := Interleave(3, func() (int, error) { return 0, nil }, func() (int, error) { return 0, broken })
	require.ErrorIs(t, err, broken)
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	t.Parallel()
	figure := func(f float64) float64 { return f }
	pairs := []Pair[float64]{{1, 2}, {30, 10}, {8, 8}}
	require.Equal(t, Spread{Median: 1, Min: 0.5, Max: 3}, Ratios(pairs, figure))
	require.Equal(t, Spread{Median: 8, Min: 1, Max: 30}, Products(pairs, figure))
	require.Equal(t, Spread{Median: 8, Min: 2, Max: 10}, Floors(pairs, figure))
	require.InDelta(t, 1.75, Ratios(pairs[:2], figure).Median, 1e-9)
}

func TestALoadTellsItsRateAndItsTail(t *testing.T) {
	t.Parallel()
	load := Load{Elapsed: 2 * time.Second, CPU: time.Second}
	for i := range 200 {
		load.Latencies = append(load.Latencies, time.Duration(i)*time.Second)
	}
	require.InDelta(t, 198, load.P99(), 1e-9)
	require.InDelta(t, 199, load.Slowest(), 1e-9)
	require.InDelta(t, 100, load.Rate(), 1e-9)
	require.InDelta(t, 0.005, load.CPUPerRead(), 1e-9)
}
