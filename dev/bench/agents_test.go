package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	agentCount     = 10_000
	agentRollovers = 25

	// agentSpread is the longest random part of a ttl with the default renew_before.
	agentSpread = time.Minute
)

// agents simulates Vault Agents that all start within one second and come back when their answer's ttl says: Agent
// sleeps a second more than that. Time is synctest's; the tokens' life is the product's own code.
func agents(t *testing.T, _ *stage, results *table) {
	t.Helper()
	mean := agentCount / agentSpread.Seconds()
	busiest := make([]float64, agentRollovers) // seconds, in reads over the mean
	synctest.Test(t, func(t *testing.T) {
		pool, set := newPool(t), scopes.Granted(defaultScope)
		var mu sync.Mutex
		arrivals := make(map[int64]float64) // by second; rollovers are half an hour apart
		var all sync.WaitGroup
		for range agentCount {
			all.Go(func() {
				time.Sleep(rand.N(time.Second))
				for rollover := range busiest {
					served, err := pool.Token(t.Context(), set, 0)
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(time.Duration(served.TTL+1) * time.Second)
					mu.Lock()
					second := time.Now().Unix()
					arrivals[second]++
					busiest[rollover] = max(busiest[rollover], arrivals[second]/mean)
					mu.Unlock()
				}
			})
		}
		all.Wait()
	})
	ratio := spreadOf(busiest)
	results.ratio("10,000 Agents on one token: busiest second / mean", target{}, ratio,
		fmt.Sprintf("at most %.0f reads in a second of %d rollovers; mean %.0f over %s", ratio.max*mean, agentRollovers, mean, agentSpread))
}

// newPool is a pool of tokens that are renewed as in the plugin.
func newPool(t *testing.T) *tokens.Pool {
	t.Helper()
	var pool *tokens.Pool
	renewer := tokens.NewRenewer(func() []*tokens.Pool { return []*tokens.Pool{pool} })
	pool = tokens.NewPool(tokens.Options{
		Now:     time.Now,
		Jitter:  func(most time.Duration) time.Duration { return rand.N(most + 1) },
		Wake:    renewer.Wake,
		Observe: func(tokens.Event) {},
	}, tokens.Settings{
		Mint: func(context.Context, scopes.Set) (tokens.Grant, error) {
			now := time.Now()
			return tokens.Grant{AccessToken: secret.New(now.String()), Type: "Bearer", RequestedAt: now, Lifetime: time.Hour}, nil
		},
		MayMint:     func() error { return nil },
		RenewBefore: 30 * time.Minute,
		Timeout:     10 * time.Second,
	})
	renewer.Start()
	t.Cleanup(renewer.Stop)
	return pool
}
