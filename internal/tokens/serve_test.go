package tokens_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokens"
)

func TestPreviousTokenIsServedWhileMintingFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.fail(errOutage)
		e.advance(30*time.Minute - time.Nanosecond)
		require.Nil(t, e.mustRead().Delay, "not before the rotation")
		e.advance(time.Nanosecond)

		since := e.clock.Now()
		for e.clock.Now().Before(since.Add(29 * time.Minute)) {
			served := e.mustRead()
			require.Equal(t, previous.Token, served.Token)
			require.ErrorIs(t, served.Delay.Failure, errOutage)
			require.Equal(t, since, served.Delay.Since)
			require.GreaterOrEqual(t, served.TTL, int64(3))
			require.LessOrEqual(t, served.TTL, int64(30))
			e.advance(min(time.Duration(served.TTL)*time.Second, since.Add(29*time.Minute).Sub(e.clock.Now())))
		}
		require.NotNil(t, e.mustRead().Delay, "a minute is left")
		e.advance(time.Nanosecond)
		require.ErrorIs(t, e.mustFail(), errOutage, "less than a minute is left")
	})
}

func TestShortPreviousTokenIsServedUntilATenthIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.lifetime = 40 * time.Second
		e.mustRead()
		e.ims.fail(errOutage)
		e.advance(36 * time.Second)
		served := e.mustRead()
		require.NotNil(t, served.Delay)
		require.EqualValues(t, 2, served.TTL, "two seconds before its end")
		e.advance(time.Nanosecond)
		require.ErrorIs(t, e.mustFail(), errOutage)
	})
}

func TestDegradedTTLIsAtMostHalfAMinute(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		share float64
		err   error
		ttl   int64
	}{
		"with no jitter it is the least":       {0, errOutage, 3},
		"with the most jitter half a minute":   {1, errOutage, 30},
		"a longer wait asked for is cut short": {0, busy(5 * time.Minute), 30},
		"a wait in between is waited for":      {0, busy(17 * time.Second), 17},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.mustRead()
				e.ims.fail(tc.err)
				e.advance(30 * time.Minute)
				e.share = tc.share
				require.Equal(t, tc.ttl, e.mustRead().TTL)
			})
		})
	}
}

func TestDegradedServiceMeetsTheWishForLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.ims.fail(errOutage)
		e.advance(30 * time.Minute)
		require.NotNil(t, e.mustReadFor(30*time.Minute).Delay)
		_, err := e.pool.Token(t.Context(), platform, 31*time.Minute)
		require.ErrorIs(t, err, errOutage)
	})
}

func TestReadersDoNotWaitWhileDegraded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.fail(errOutage)
		e.advance(30 * time.Minute)
		e.mustRead()
		e.advance(time.Minute)
		release := e.ims.block()
		for range 3 {
			served := <-e.reading(t.Context(), platform)
			require.NoError(t, served.err)
			require.Equal(t, previous.ID, served.ID)
		}
		require.Equal(t, 3, e.ims.count(), "one exchange is under way for all")
		e.ims.fail(nil)
		release()
		synctest.Wait()
		require.NotEqual(t, previous.ID, e.mustRead().ID)
	})
}

func TestSlowExchangeHoldsNoReaderOfThePreviousTokenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.fail(errOutage)
		e.advance(30 * time.Minute)
		e.mustRead()
		release := e.ims.block()
		for range 28 { // minutes, each past the next retry time
			e.advance(time.Minute)
			var readers []<-chan result
			for range 20 {
				readers = append(readers, e.reading(t.Context(), platform))
			}
			for _, reader := range readers {
				require.Len(t, reader, 1, "nobody waits")
				served := <-reader
				require.NoError(t, served.err)
				require.Equal(t, previous.ID, served.ID)
				require.NotNil(t, served.Delay)
			}
			require.Equal(t, 1, e.ims.mostAtOnce, "one exchange is under way for all")
		}
		e.advance(2 * time.Minute)
		late := e.reading(t.Context(), platform)
		e.requireWaiting(late) // the previous token is over
		e.ims.fail(nil)
		release()
		require.NotEqual(t, previous.ID, (<-late).ID)
		require.Equal(t, 1, e.ims.mostAtOnce)
	})
}

func TestRotationPutOffDuringAFailingExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.advance(30 * time.Minute)
		release := e.ims.block()
		e.ims.fail(errOutage)
		reader := e.reading(t.Context(), platform)
		e.settings.RenewBefore = 10 * time.Minute
		e.pool.Configure(e.settings)
		release()
		served := <-reader
		require.NoError(t, served.err)
		require.Equal(t, previous.ID, served.ID)
		require.Nil(t, served.Delay)
		require.EqualValues(t, 1200, served.TTL)
	})
}

func TestReaderWithATokenInUseWaitsForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.advance(29 * time.Minute)
		release := e.ims.block()
		e.renew()
		require.Equal(t, 2, e.ims.count())
		require.Equal(t, previous.ID, e.mustRead().ID)
		release()
		synctest.Wait()
		require.NotEqual(t, previous.ID, e.mustRead().ID)
	})
}

func TestFreshMintsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		_, ok := e.pool.Fresh(platform, 0)
		require.False(t, ok)
		want := e.mustRead()
		served, ok := e.pool.Fresh(platform, 0)
		require.True(t, ok)
		require.Equal(t, want, served)
		e.advance(30 * time.Minute)
		_, ok = e.pool.Fresh(platform, 0)
		require.False(t, ok)
		require.Equal(t, 1, e.ims.count())
	})
}

// Every reader comes back at its ttl. The rule adds 0 to min(G/10, 60 s) at
// random, so that a second gets n/60 of n readers on average; six standard
// deviations on top are the bound.
func TestTenThousandReadersDoNotComeBackInOneSecond(t *testing.T) {
	t.Parallel()
	const readers, spread = 10_000, 60
	random := rand.New(rand.NewPCG(2026, 11))
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		pool := tokens.NewPool(tokens.Options{
			Now:     e.clock.Now,
			Jitter:  func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most) + 1)) },
			Wake:    e.wake,
			Observe: e.observe,
		}, e.settings)
		token, err := pool.Token(t.Context(), platform, 0)
		require.NoError(t, err)

		arrivals := make(map[int64]int)
		for range readers {
			e.advance(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
			served, ok := pool.Fresh(platform, 0)
			require.True(t, ok, "the test reads for longer than a rotation")
			back := e.clock.Now().Add(time.Duration(served.TTL) * time.Second)
			require.False(t, back.Before(token.RotateAt(e.settings.RenewBefore)))
			arrivals[int64(back.Sub(token.ObtainedAt)/time.Second)]++
		}
		const mean, deviations = readers / spread, 6 * 13 // the square root of the mean is 13
		for second, n := range arrivals {
			require.LessOrEqual(t, n, mean+deviations, "in second %d", second)
		}
		require.Len(t, arrivals, spread+1)
	})
}

func TestTokenThatTookTooLongForAWishIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.lifetime, e.ims.takes = 10*time.Second, 2*time.Second
		_, err := e.pool.Token(t.Context(), platform, 9*time.Second)
		var minLife *tokens.MinLifeError
		require.ErrorAs(t, err, &minLife)
		require.Equal(t, 8*time.Second, minLife.Max)
	})
}
