package tokens_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// mustAdopt adopts a token of that name and returns how long it took.
func (e *env) mustAdopt(token string) time.Duration {
	e.Helper()
	began := time.Now()
	require.NoError(e, e.pool.Adopt(e.Context(), platform, grant(token, e.clock.Now(), time.Hour)))
	return time.Since(began)
}

func TestAdoptedGrantWinsOverAnExchangeUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		release := make(chan struct{})
		e.settings.Mint = func(context.Context, scopes.Set) (tokens.Grant, error) {
			<-release // deaf to the cancellation
			return grant("late", e.clock.Now(), time.Hour), nil
		}
		e.pool.Configure(e.settings)
		reader := e.reading(t.Context(), platform)
		require.Zero(t, e.mustAdopt("verified"), "it waits for no exchange")
		r := <-reader
		require.Equal(t, "verified", r.AccessToken.Reveal())
		require.Zero(t, r.took, "nor do readers")
		close(release)
		synctest.Wait()
		require.Equal(t, "verified", e.mustRead().AccessToken.Reveal())
		require.Equal(t, "verified", e.store.tokens[platform].AccessToken.Reveal())
		require.Equal(t, 1, e.store.saves)
	})
}

func TestAdoptedGrantIsStoredLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		slow := &slowStore{store: e.store, saving: make(chan struct{}), saved: make(chan struct{})}
		e.settings.Store = slow
		e.pool.Configure(e.settings)
		e.reading(t.Context(), platform)
		<-slow.saving
		e.settings.Store = e.store
		e.pool.Configure(e.settings)
		e.mustAdopt("verified")
		slow.ignoresCancellation = true
		close(slow.saved) // the exchange stores its token over the adopted one
		synctest.Wait()
		require.Equal(t, "verified", e.store.tokens[platform].AccessToken.Reveal())
		require.Equal(t, 3, e.store.saves)
		require.Equal(t, "verified", e.mustRead().AccessToken.Reveal())
	})
}

func TestAdoptWaitsForTheStoreAsLongAsItsContextAllows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.store.hangLoad, e.store.hangSave = true, true
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		require.NoError(t, e.pool.Adopt(ctx, platform, grant("verified", e.clock.Now(), time.Hour)))
		require.Equal(t, 2*time.Second, time.Since(began))
		require.Equal(t, "verified", e.mustRead().AccessToken.Reveal())
		require.LessOrEqual(t, e.mustAdopt("another"), 5*time.Second)
	})
}

func TestStopsWaitForNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.block()
		waiting := e.reading(t.Context(), platform)
		began := time.Now()
		e.pool.Configure(e.settings)
		e.pool.Retire()
		require.ErrorIs(t, (<-waiting).err, tokens.ErrSuperseded)
		require.NoError(t, e.pool.Wait(t.Context()))
		require.Zero(t, time.Since(began))
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.store.hangDeaf()
		waiting := e.reading(t.Context(), platform)
		e.pool.Retire()
		require.ErrorIs(t, (<-waiting).err, tokens.ErrSuperseded)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, e.pool.Wait(ctx), context.DeadlineExceeded)
		e.store.release()
	})
}

func TestWhileIdleKeepsExchangesOutAndRunsDuringNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var reader <-chan result
		ran, err := e.pool.WhileIdle(platform, func(context.Context) error {
			reader = e.reading(t.Context(), platform)
			e.requireWaiting(reader)
			ran, err := e.pool.WhileIdle(platform, func(context.Context) error { panic("two at once") })
			require.False(t, ran)
			require.NoError(t, err)
			return errOutage
		})
		require.True(t, ran)
		require.ErrorIs(t, err, errOutage)
		require.NoError(t, (<-reader).err, "the error isn't the reader's")
		e.pool.Retire()
		_, err = e.pool.WhileIdle(platform, func(context.Context) error { panic("the pool is over") })
		require.ErrorIs(t, err, tokens.ErrSuperseded)
	})
}

func TestAdoptedGrantIsStoredEvenIfASweepDeletesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		ran, err := e.pool.WhileIdle(platform, func(ctx context.Context) error {
			require.Zero(t, e.mustAdopt("verified"))
			require.ErrorIs(t, ctx.Err(), context.Canceled)
			delete(e.store.tokens, platform)
			return nil
		})
		require.True(t, ran)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, "verified", e.store.tokens[platform].AccessToken.Reveal())
	})
}
