package tokens_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokens"
)

// runs notes when a renewer ran, since it was made.
type runs struct {
	mu    sync.Mutex
	made  time.Time
	at    []time.Duration
	pools []*tokens.Pool
	takes time.Duration
}

func newRenewer(pools ...*tokens.Pool) (*tokens.Renewer, *runs) {
	r := &runs{made: time.Now(), pools: pools}
	return tokens.NewRenewer(r.list), r
}

func (r *runs) list() []*tokens.Pool {
	<-time.After(r.takes)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = append(r.at, time.Since(r.made))
	return r.pools
}

// seen waits for a run under way.
func (r *runs) seen() []time.Duration {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.at)
}

func TestRenewerSleepsUntilARenewalIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		loop, ran := newRenewer(e.newPool(time.Time{}), e.pool)
		loop.Start()
		defer loop.Stop()
		pass(29*time.Minute - time.Nanosecond)
		require.Equal(t, []time.Duration{0}, ran.seen())
		require.Equal(t, 1, e.ims.count())
		pass(time.Nanosecond)
		require.Equal(t, []time.Duration{0, 29 * time.Minute}, ran.seen())
		require.Equal(t, 2, e.ims.count(), "ahead of the rotation, with no reader")
		pass(2 * time.Hour)
		require.Equal(t, 2, e.ims.count(), "nobody has read that one")
		require.Len(t, ran.seen(), 4, "with nothing due it runs once an hour")
	})
}

func TestRenewerLooksAgainWhenItIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewer()
		loop.Start()
		defer loop.Stop()
		pass(5 * time.Minute)
		loop.Wake()
		pass(time.Hour - time.Nanosecond)
		require.Equal(t, []time.Duration{0, 5 * time.Minute}, ran.seen(), "the sleep begins anew")
		pass(time.Nanosecond)
		require.Equal(t, 65*time.Minute, ran.seen()[2])
	})
}

func TestRenewerMayBeWokenByManyAndBeforeItRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewer()
		for range 100 {
			loop.Wake()
		}
		require.Empty(t, ran.seen())
		loop.Start()
		defer loop.Stop()
		require.LessOrEqual(t, len(ran.seen()), 2, "for the start and for all wakes at once")
	})
}

func TestRenewerStartedTwiceIsOneLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewer()
		loop.Start()
		loop.Start()
		defer loop.Stop()
		pass(time.Hour)
		require.Len(t, ran.seen(), 2)
	})
}

func TestRenewerThatWasStoppedRunsAgainOnlyWhenItIsStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewer()
		loop.Stop()
		loop.Start()
		require.Len(t, ran.seen(), 1)
		loop.Stop()
		loop.Stop()
		loop.Wake()
		pass(2 * time.Hour)
		require.Len(t, ran.seen(), 1)
		loop.Start()
		defer loop.Stop()
		require.GreaterOrEqual(t, len(ran.seen()), 2)
	})
}

func TestRenewerIsStoppedOnceTheRunUnderWayHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewer()
		ran.takes = 5 * time.Second
		loop.Start()
		synctest.Wait()
		loop.Stop()
		require.Equal(t, []time.Duration{5 * time.Second}, ran.seen())
		require.Equal(t, 5*time.Second, time.Since(ran.made))
	})
}

func TestRenewerStopsWithoutWaitingForExchanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		loop, _ := newRenewer(e.pool)
		e.ims.block()
		loop.Start()
		pass(29 * time.Minute)
		require.Equal(t, 2, e.ims.count())
		stopping := time.Now()
		loop.Stop()
		require.Zero(t, time.Since(stopping))
	})
}
