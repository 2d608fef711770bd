package tokens_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// requireDelayed reads the previous token, behind a slow exchange; the read took took.
func (e *env) requireDelayed(took time.Duration) tokens.Served {
	e.Helper()
	r := <-e.reading(e.Context(), platform)
	require.NoError(e, r.err)
	require.NotNil(e, r.Delay)
	require.Equal(e, tokens.DelaySlow, r.Delay.Reason)
	require.Equal(e, took, r.took)
	require.GreaterOrEqual(e, r.TTL, int64(3))
	require.LessOrEqual(e, r.TTL, int64(30))
	return r.Served
}

func TestReaderOfThePreviousTokenWaitsForAGraceFromTheStartOfTheExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.takes = 5 * time.Second
		e.advance(30 * time.Minute)
		began := e.clock.Now()
		first := e.reading(t.Context(), platform)
		e.advance(600 * time.Millisecond)
		second := e.reading(t.Context(), platform)
		for reader, took := range map[<-chan result]time.Duration{first: time.Second, second: 400 * time.Millisecond} {
			r := <-reader
			require.NoError(t, r.err)
			require.Equal(t, took, r.took)
			require.Equal(t, previous.Token, r.Token)
			require.Equal(t, &tokens.Delay{Reason: tokens.DelaySlow, Since: began}, r.Delay)
		}
		e.requireDelayed(0)
		e.advance(4 * time.Second)
		require.NotEqual(t, previous.ID, e.mustRead().ID, "the exchange was left to end")
		require.Equal(t, 2, e.ims.count())
	})
}

func TestReaderAtTheRotationWaitsForNoRenewalThatIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.ims.takes = 9 * time.Second
		e.advance(30*time.Minute - 5*time.Second)
		e.renew()
		e.advance(5 * time.Second)
		e.requireDelayed(0)
	})
}

func TestReaderWaitsForAGraceWhateverTheReason(t *testing.T) {
	t.Parallel()
	for name, hinder := range map[string]func(*env){
		"IMS never answers":                  func(e *env) { e.ims.block() },
		"IMS is slow":                        func(e *env) { e.ims.takes = 2 * time.Second },
		"the store hangs on saving":          func(e *env) { e.store.hangSave = true },
		"the store ignores its cancellation": func(e *env) { e.store.hangDeaf() },
		"the store hangs on loading": func(e *env) {
			e.pool.Forget(func(scopes.Set) bool { return true })
			e.store.hangLoad = true
		},
		"all slots are taken": func(e *env) {
			e.ims.block()
			for n := range 8 {
				e.reading(e.Context(), scoped(fmt.Sprintf("scope-%d", n)))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				previous := e.mustRead()
				e.advance(30 * time.Minute)
				hinder(e)
				served := e.requireDelayed(time.Second)
				require.Equal(t, previous.Token, served.Token)
				e.requireDelayed(0)
			})
		})
	}
}

func TestReaderWithoutAUsableTokenWaitsForTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 10 * time.Second
	for name, tc := range map[string]struct {
		hinder func(*env)
		took   time.Duration
		err    error
	}{
		"IMS never answers": {func(e *env) { e.ims.block() }, limit, context.DeadlineExceeded},
		"the store ignores its cancellation": {
			func(e *env) { e.store.hangDeaf() }, limit + 50*time.Millisecond, tokens.ErrNoToken,
		},
		"all slots are taken": {func(e *env) {
			e.ims.block()
			e.settings.Timeout = time.Hour
			e.pool.Configure(e.settings)
			for n := range 8 {
				e.reading(e.Context(), scoped(fmt.Sprintf("scope-%d", n)))
			}
			e.settings.Timeout = limit
			e.pool.Configure(e.settings)
		}, limit, tokens.ErrNoSlot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				tc.hinder(e)
				r := <-e.reading(t.Context(), platform)
				require.ErrorIs(t, r.err, tc.err)
				require.Equal(t, tc.took, r.took)
				var failure *tokens.Failure
				require.ErrorAs(t, r.err, &failure)
				require.True(t, failure.NextAttempt.After(e.clock.Now()))
				r = <-e.reading(t.Context(), platform)
				require.ErrorIs(t, r.err, tc.err)
				require.Zero(t, r.took, "the next reader waits for nothing")
			})
		})
	}
}

func TestCategoryOfAnExchangeThatTookTooLong(t *testing.T) {
	t.Parallel()
	for _, err := range []error{tokens.ErrNoSlot, tokens.ErrNoToken} {
		require.Equal(t, "timed_out", tokens.Category(&tokens.Failure{Err: err}))
	}
}

func TestReaderIsServedThoughTheStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.settings.Timeout = time.Second
		e.pool.Configure(e.settings)
		e.store.hangLoad, e.store.hangSave = true, true
		r := <-e.reading(t.Context(), platform)
		require.ErrorIs(t, r.err, tokens.ErrNoToken)
		require.LessOrEqual(t, r.took, time.Second+50*time.Millisecond)
		e.advance(time.Second)
		e.mustRead()
	})
}

func TestWishForLifeThatThePreviousTokenCannotMeetWaitsForTheExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.takes = 5 * time.Second
		e.advance(30 * time.Minute)
		began := e.clock.Now()
		served := e.mustReadFor(50 * time.Minute)
		require.NotEqual(t, previous.ID, served.ID)
		require.Equal(t, 5*time.Second, e.clock.Now().Sub(began))
	})
}

func TestReaderWhoseTokenLosesItsReserveInTheGraceWaitsForTheExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.takes = 3 * time.Second
		e.advance(59*time.Minute - 500*time.Millisecond)
		r := <-e.reading(t.Context(), platform)
		require.NoError(t, r.err)
		require.NotEqual(t, previous.ID, r.ID)
		require.Equal(t, 3*time.Second, r.took)
	})
}

func TestConfigWriteDuringAnExchangeCostsNoSecondGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.advance(30 * time.Minute)
		release := e.ims.block()
		e.ims.fail(errOutage)
		reader := e.reading(t.Context(), platform)
		e.advance(900 * time.Millisecond)
		e.pool.Configure(e.settings)
		e.ims.takes = time.Minute
		release()
		r := <-reader
		require.NoError(t, r.err)
		require.Equal(t, time.Second, r.took)
		require.Equal(t, 3, e.ims.count(), "the new settings are tried at once")
	})
}
