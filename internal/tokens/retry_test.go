package tokens_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokens"
)

// busy is a provider that says when to come back.
type busy time.Duration

func (b busy) Error() string { return "too many requests" }

func (b busy) RetryDelay() time.Duration { return time.Duration(b) }

func TestRetriesBackOffToHalfAMinute(t *testing.T) {
	t.Parallel()
	longest := []time.Duration{2, 4, 8, 16, 30, 30, 30}
	for name, tc := range map[string]struct {
		share, part float64
	}{
		"with the least jitter half of each delay is left": {0, 0.5},
		"with the most jitter the delays are whole":        {1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.share = tc.share
				e.ims.fail(errOutage)
				since := e.clock.Now()
				for n, seconds := range longest {
					failure := e.mustFail()
					require.ErrorIs(t, failure, errOutage)
					require.Equal(t, since, failure.Since)
					require.Equal(t, n+1, failure.Attempts)
					delay := time.Duration(float64(seconds*time.Second) * tc.part)
					known := e.events[len(e.events)-1].Failure
					require.Equal(t, delay, known.NextAttempt.Sub(e.clock.Now()))
					urgent := min(delay, 5*time.Second)
					require.Equal(t, urgent, failure.NextAttempt.Sub(e.clock.Now()), "for readers without a usable token")
					e.advance(urgent)
				}
				require.Equal(t, len(longest), e.ims.count())
			})
		})
	}
}

func TestNobodyAsksBeforeTheNextAttemptIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.fail(errOutage)
		first := e.mustFail()
		e.advance(first.NextAttempt.Sub(e.clock.Now()) - time.Nanosecond)
		require.Equal(t, first, e.mustFail())
		require.Equal(t, 1, e.ims.count())
		e.advance(time.Nanosecond)
		require.Equal(t, 2, e.mustFail().Attempts)
		require.Equal(t, 2, e.ims.count())
	})
}

func TestReaderOvertakenByAFailureDoesNotAskAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var overtake func()
		pool := tokens.NewPool(tokens.Options{
			Now: func() time.Time {
				if f := overtake; f != nil {
					overtake = nil
					f()
				}
				return e.clock.Now()
			},
			Jitter:  e.jitter,
			Wake:    e.wake,
			Observe: e.observe,
		}, e.settings)
		read := func() error {
			_, err := pool.Token(t.Context(), platform, 0)
			return err
		}
		e.ims.fail(errOutage)
		require.ErrorIs(t, read(), errOutage)
		e.advance(time.Second)

		// This reader finds that the retry time has come just before another one does.
		overtake = func() { require.ErrorIs(t, read(), errOutage) }
		require.ErrorIs(t, read(), errOutage)
		require.Nil(t, overtake)
		require.Equal(t, 2, e.ims.count())
	})
}

func TestProvidersWishWinsOverAShorterDelay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		asked, delay time.Duration
	}{
		"a longer wish is obeyed":     {5 * time.Minute, 5 * time.Minute},
		"a shorter one doesn't count": {time.Millisecond, time.Second},
		"nor does a negative one":     {-time.Hour, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.ims.fail(fmt.Errorf("exchanging: %w", busy(tc.asked)))
				require.Equal(t, tc.delay, e.mustFail().NextAttempt.Sub(e.clock.Now()))
			})
		})
	}
}

func TestSuccessEndsTheFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.fail(errOutage)
		failure := e.mustFail()
		e.advance(time.Minute)
		e.ims.fail(nil)
		require.Nil(t, e.mustRead().Delay)
		require.Equal(t, failure, e.events[1].Failure, "the event tells which failure has ended")

		e.ims.fail(errOutage)
		_, err := e.pool.Rotate(t.Context(), platform)
		var again *tokens.Failure
		require.ErrorAs(t, err, &again)
		require.Equal(t, 1, again.Attempts)
		require.Equal(t, e.clock.Now(), again.Since)
	})
}

func TestConfigureEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.fail(busy(5 * time.Minute))
		require.ErrorIs(t, e.mustFail(), busy(5*time.Minute))
		e.ims.fail(nil)
		e.pool.Configure(e.settings)
		require.NotZero(t, e.wakes)
		e.mustRead()
		require.Equal(t, 2, e.ims.count())
	})
}

func TestRotateDuringAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.fail(busy(5 * time.Minute))
		for range 2 {
			_, err := e.pool.Rotate(t.Context(), platform)
			require.ErrorIs(t, err, busy(5*time.Minute))
		}
		require.Equal(t, 3, e.ims.count(), "each rotation asks at once")
		require.Equal(t, previous.ID, e.mustRead().ID)

		e.ims.fail(nil)
		fresh, err := e.pool.Rotate(t.Context(), platform)
		require.NoError(t, err)
		require.NotEqual(t, previous.ID, fresh.ID)
		require.Equal(t, fresh.ID, e.mustRead().ID)
	})
}

func TestRotateMintsAnewAfterJoiningAFailedExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		release := e.ims.block()
		e.ims.fail(errOutage)
		reader := e.reading(t.Context(), platform)
		rotated := make(chan error, 1)
		go func() {
			_, err := e.pool.Rotate(t.Context(), platform)
			rotated <- err
		}()
		synctest.Wait()
		release()
		require.ErrorIs(t, (<-reader).err, errOutage)
		require.ErrorIs(t, <-rotated, errOutage)
		require.Equal(t, 2, e.ims.count())
	})
}

func TestWishForLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first := e.mustReadFor(50 * time.Minute)
		e.advance(10 * time.Minute)
		require.Equal(t, first.ID, e.mustReadFor(50*time.Minute).ID, "it is met")
		e.advance(time.Second)
		second := e.mustReadFor(50 * time.Minute)
		require.NotEqual(t, first.ID, second.ID, "it is minted for")
		require.Equal(t, second.ID, e.mustRead().ID, "and shared")

		e.advance(time.Second)
		e.mustReadFor(54 * time.Minute)
		e.advance(10 * time.Minute)
		_, err := e.pool.Token(t.Context(), platform, 54*time.Minute+time.Nanosecond)
		refused := &tokens.MinLifeError{Asked: 54*time.Minute + time.Nanosecond, Max: 54 * time.Minute, Lifetime: time.Hour}
		var minLife *tokens.MinLifeError
		require.ErrorAs(t, err, &minLife)
		require.Equal(t, refused, minLife)
		require.Equal(t, 2, e.ims.count(), "nothing is minted for what can't be had")
	})
}

func TestWishForMoreLifeThanTokensHave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		_, err := e.pool.Token(t.Context(), platform, 2*time.Hour)
		var minLife *tokens.MinLifeError
		require.ErrorAs(t, err, &minLife)
		require.Equal(t, time.Hour, minLife.Lifetime)
		require.Equal(t, 1, e.ims.count(), "the lifetime is known from the first token alone")
		e.mustRead()
		require.Equal(t, 1, e.ims.count(), "that token is shared")
	})
}

func TestReaderWithoutAUsableTokenShortensTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.share = 1
		e.mustRead()
		e.ims.fail(errOutage)
		e.advance(57 * time.Minute)
		for range 8 {
			e.advance(e.mustRead().Delay.Failure.NextAttempt.Sub(e.clock.Now()))
		}
		e.mustRead()
		e.pool.Renew() // the wait is 30 s by now
		failed := e.clock.Now()
		require.Equal(t, 30*time.Second, e.pool.Status(platform).Failure.NextAttempt.Sub(failed))
		asked := e.ims.count()
		_, err := e.pool.Token(t.Context(), platform, 50*time.Minute)
		var failure *tokens.Failure
		require.ErrorAs(t, err, &failure)
		require.Equal(t, 5*time.Second, failure.NextAttempt.Sub(failed), "five seconds from the failed attempt")
		require.Equal(t, asked, e.ims.count())
		e.advance(5 * time.Second)
		_, err = e.pool.Token(t.Context(), platform, 50*time.Minute)
		require.Error(t, err)
		require.Equal(t, asked+1, e.ims.count())
	})
}

func TestProvidersWishHoldsForReadersWithoutAUsableTokenToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.fail(busy(20 * time.Second))
		next := e.mustFail().NextAttempt
		require.Equal(t, 20*time.Second, next.Sub(e.clock.Now()))
		e.advance(20*time.Second - time.Nanosecond)
		require.Equal(t, next, e.mustFail().NextAttempt)
		require.Equal(t, 1, e.ims.count())
	})
}

func TestReaderOfThePreviousTokenDoesNotShortenTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.share = 1
		e.mustRead()
		e.ims.fail(errOutage)
		e.advance(30 * time.Minute)
		wait := time.Duration(0)
		for wait < 30*time.Second {
			next := e.mustRead().Delay.Failure.NextAttempt
			wait = next.Sub(e.clock.Now())
			asked := e.ims.count()
			e.advance(wait - time.Nanosecond)
			e.mustRead()
			synctest.Wait()
			require.Equal(t, asked, e.ims.count())
			e.advance(time.Nanosecond)
			e.mustRead()
			synctest.Wait()
			require.Equal(t, asked+1, e.ims.count())
		}
	})
}
