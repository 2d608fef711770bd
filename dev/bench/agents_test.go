package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/bench/measure"
	"vault-plugin-secrets-itwin/dev/bench/report"
	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	agentCount     = 10_000
	agentRollovers = 24
	renewBefore    = 30 * time.Minute

	// agentSpread is the longest random part of a ttl with the default renew_before.
	agentSpread = time.Minute
)

// agents simulates Vault Agents that all start within one second and come back when their answer's ttl says: Agent
// sleeps a second more than that. Time is simulated; the tokens' life is the product's own code.
func agents(b *testing.B, _ *stage, table *report.Table) {
	b.Helper()
	mean := agentCount / agentSpread.Seconds()
	c := newCrowd()
	busiest := make([]measure.Pair[float64], agentRollovers)
	for i := range busiest {
		c.readAll(b)
		busiest[i] = measure.Pair[float64]{Product: busiestSecond(c.arrivals), Floor: mean}
	}
	same := func(f float64) float64 { return f }
	table.Ratio("10,000 Agents on one token: busiest second / mean", measure.Ratios(busiest, same),
		fmt.Sprintf("at most %.0f reads in a second of %d rollovers; mean %.0f over %s",
			measure.Products(busiest, same).Max, agentRollovers, mean, agentSpread))
}

func busiestSecond(arrivals []time.Time) float64 {
	most, reads := 0, make(map[int64]int)
	for _, at := range arrivals {
		reads[at.Unix()]++
		most = max(most, reads[at.Unix()])
	}
	return float64(most)
}

// crowd is a number of Agents and the pool that they read from.
type crowd struct {
	now      time.Time
	pool     *tokens.Pool
	scopes   scopes.Set
	arrivals []time.Time // when each Agent reads next
}

func newCrowd() *crowd {
	c := &crowd{
		now:    time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
		scopes: scopes.Granted(defaultScope),
	}
	c.pool = tokens.NewPool(tokens.Options{
		Now:     func() time.Time { return c.now },
		Jitter:  func(most time.Duration) time.Duration { return rand.N(most + 1) },
		Wake:    func() {},
		Observe: func(tokens.Event) {},
	}, tokens.Settings{
		Mint:        c.mint,
		MayMint:     func() error { return nil },
		RenewBefore: renewBefore,
		Timeout:     10 * time.Second,
	})
	for range agentCount {
		c.arrivals = append(c.arrivals, c.now.Add(rand.N(time.Second)))
	}
	return c
}

func (c *crowd) mint(context.Context, scopes.Set) (tokens.Grant, error) {
	return tokens.Grant{
		AccessToken: secret.New(c.now.String()), Type: "Bearer", RequestedAt: c.now, Lifetime: time.Hour,
	}, nil
}

// readAll lets every Agent read once. None comes back before all have read: half an hour passes in between.
func (c *crowd) readAll(b *testing.B) {
	b.Helper()
	slices.SortFunc(c.arrivals, time.Time.Compare)
	for i, at := range c.arrivals {
		c.now = at
		served, err := c.pool.Token(b.Context(), c.scopes, 0)
		require.NoError(b, err)
		c.arrivals[i] = at.Add(time.Duration(served.TTL+1) * time.Second)
	}
	c.renewAhead(b)
}

// renewAhead lets time pass to the next renewal, as the plugin's own loop does, and waits for its end.
func (c *crowd) renewAhead(b *testing.B) {
	b.Helper()
	c.now = c.now.Add(c.pool.Renew())
	c.pool.Renew()
	require.Eventually(b, func() bool {
		ended, err := c.pool.WhileIdle(c.scopes, func(context.Context) error { return nil })
		return ended && err == nil
	}, time.Minute, time.Millisecond)
}
