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

func TestColdReadersShareOneExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		release := e.ims.block()
		const readers = 500
		results := make(chan result, readers)
		for range readers {
			go func() {
				served, err := e.pool.Token(t.Context(), platform, 0)
				results <- result{Served: served, err: err}
			}()
		}
		e.requireWaiting(results)
		release()
		first := <-results
		require.NoError(t, first.err)
		for range readers - 1 {
			require.Equal(t, first, <-results)
		}
		require.Equal(t, 1, e.ims.count())
		require.Equal(t, 1, e.store.saves)
	})
}

func TestCancelledReaderLeavesTheOthersTheirExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		release := e.ims.block()
		ctx, cancel := context.WithCancel(t.Context())
		gone := e.reading(ctx, platform)
		stays := e.reading(t.Context(), platform)
		cancel()
		require.ErrorIs(t, (<-gone).err, context.Canceled)
		e.requireWaiting(stays)
		release()
		require.NoError(t, (<-stays).err)
		require.Equal(t, 1, e.ims.count())
	})
}

func TestExchangeWhoseOnlyReaderLeftServesTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		release := e.ims.block()
		ctx, cancel := context.WithCancel(t.Context())
		gone := e.reading(ctx, platform)
		cancel()
		require.ErrorIs(t, (<-gone).err, context.Canceled)
		release()
		synctest.Wait()
		_, ok := e.pool.Fresh(platform, 0)
		require.True(t, ok)
	})
}

func TestSlowScopeDoesNotHoldAFastOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		release := e.ims.block()
		slow := e.reading(t.Context(), scoped("slow"))
		e.ims.unblock()
		e.mustRead()
		e.requireWaiting(slow)
		release()
		require.NoError(t, (<-slow).err)
	})
}

func TestRetireDuringAnExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		release := make(chan struct{})
		e.settings.Mint = func(context.Context, scopes.Set) (tokens.Grant, error) {
			<-release // deaf to the cancellation
			return grant("too-late", e.clock.Now(), time.Hour), nil
		}
		e.pool = e.newPool(time.Time{})
		waiting := []<-chan result{e.reading(t.Context(), platform), e.reading(t.Context(), platform)}
		e.pool.Retire()
		close(release)
		_ = e.pool.Wait(t.Context())
		for _, reader := range waiting {
			require.ErrorIs(t, (<-reader).err, tokens.ErrSuperseded)
		}
		require.Zero(t, e.store.saves)
		require.Empty(t, e.seen())
		_, ok := e.pool.Fresh(platform, 0)
		require.False(t, ok)
	})
}

func TestRetireCancelsTheExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.block()
		waiting := e.reading(t.Context(), platform)
		e.pool.Retire()
		_ = e.pool.Wait(t.Context())
		require.ErrorIs(t, (<-waiting).err, tokens.ErrSuperseded)
		_, err := e.pool.Rotate(t.Context(), platform)
		require.ErrorIs(t, err, tokens.ErrSuperseded)
		require.ErrorIs(t, e.pool.Adopt(t.Context(), platform, grant("x", e.clock.Now(), time.Hour)), tokens.ErrSuperseded)
		require.Equal(t, 1, e.ims.count())
	})
}

func TestEightExchangesAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		release := e.ims.block()
		var readers []<-chan result
		for n := range 20 {
			readers = append(readers, e.reading(t.Context(), scoped(fmt.Sprintf("scope-%d", n))))
		}
		require.Equal(t, 8, e.ims.count())
		release()
		for _, reader := range readers {
			require.NoError(t, (<-reader).err)
		}
		require.Equal(t, 20, e.ims.count())
		require.Equal(t, 8, e.ims.mostAtOnce)
	})
}

func TestTokenThatExpiredOnItsWayIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.lifetime, e.ims.takes = 4*time.Second, 4*time.Second
		require.ErrorIs(t, e.mustFail(), tokens.ErrLateArrival)
		require.Zero(t, e.store.saves)
	})
}

func TestTokenThatIsDueOnArrivalIsServedWhileTheNextIsMinted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.lifetime, e.ims.takes = 10*time.Second, 6*time.Second
		first := e.mustRead()
		require.EqualValues(t, 2, first.TTL, "two seconds before its end")
		require.Nil(t, first.Delay)
		second := e.mustRead()
		require.Equal(t, first.ID, second.ID)
		require.Equal(t, tokens.DelaySlow, second.Delay.Reason)
		require.Equal(t, 2, e.ims.count())
	})
}

func TestAdoptedGrantIsTheSharedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.pool = e.newPool(e.clock.Now())
		require.NoError(t, e.pool.Adopt(t.Context(), platform, grant("verified", e.clock.Now(), time.Hour)))
		served := e.mustRead()
		require.Equal(t, "verified", served.AccessToken.Reveal())
		require.Equal(t, e.clock.Now().Add(time.Second), served.RotatedAt)
		require.Equal(t, served.Token, e.store.tokens[platform])
		require.Zero(t, e.ims.count())
	})
}
