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

func TestTokenIsStoredBeforeAnyoneGetsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		slow := &slowStore{store: e.store, saving: make(chan struct{}), saved: make(chan struct{})}
		e.settings.Store = slow
		e.pool = e.newPool(time.Time{})
		reader := e.reading(t.Context(), platform)
		<-slow.saving
		e.requireWaiting(reader)
		_, ok := e.pool.Fresh(platform, 0)
		require.False(t, ok, "it isn't stored yet")
		close(slow.saved)
		served := <-reader
		require.NoError(t, served.err)
		require.Equal(t, served.Token, e.store.tokens[platform])
	})
}

// slowStore says when a save begins and waits for the test to let it end.
type slowStore struct {
	*store
	saving, saved       chan struct{}
	ignoresCancellation bool
}

func (s *slowStore) Save(ctx context.Context, t *tokens.Token) error {
	close(s.saving)
	<-s.saved
	if s.ignoresCancellation {
		ctx = context.WithoutCancel(ctx)
	}
	return s.store.Save(ctx, t)
}

func TestRestartServesTheStoredToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.fail(errOutage)
		e.restart()
		e.advance(20 * time.Minute)
		served := e.mustRead()
		require.Equal(t, previous.Token, served.Token)
		require.Nil(t, served.Delay)
		require.Equal(t, 1, e.ims.count())
		require.Equal(t, []tokens.EventKind{tokens.Minted, tokens.Loaded}, e.seen())
		require.Equal(t, previous.RotatedAt, e.pool.LastRotation())
	})
}

func TestRestartDuringAnOutageServesThePreviousToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.ims.fail(errOutage)
		e.restart()
		e.advance(40 * time.Minute)
		served := e.mustRead()
		require.Equal(t, previous.Token, served.Token)
		require.ErrorIs(t, served.Delay.Failure, errOutage)
	})
}

func TestStoredTokenThatHasExpiredIsIgnored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.lifetime = 4 * time.Second
		for range 6 {
			_, err := e.pool.Rotate(t.Context(), platform)
			require.NoError(t, err)
		}
		previous := e.store.tokens[platform]
		e.advance(4 * time.Second)
		e.restart()
		served := e.mustRead()
		require.NotEqual(t, previous.ID, served.ID)
		require.Equal(t, previous.RotatedAt.Add(time.Second), served.RotatedAt, "it counts as the one before")
		require.NotContains(t, e.seen(), tokens.Loaded)
	})
}

func TestStoredTokenOfOtherScopesIsNotServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		_, err := e.pool.Token(t.Context(), scoped("other"), 0)
		require.NoError(t, err)
		e.restart()
		require.Equal(t, platform, e.mustRead().Scopes)
		require.Equal(t, 2, e.ims.count())
	})
}

func TestStorageThatFailsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fail func(*store)
		seen []tokens.EventKind
	}{
		"when it can't load": {
			func(s *store) { s.failLoad = errOutage },
			[]tokens.EventKind{tokens.NotLoaded, tokens.Minted},
		},
		"when it can't save": {
			func(s *store) { s.failSave = errOutage },
			[]tokens.EventKind{tokens.NotStored, tokens.Minted},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				tc.fail(e.store)
				first := e.mustRead()
				require.Equal(t, first.ID, e.mustRead().ID)
				require.Equal(t, tc.seen, e.seen())
				require.ErrorIs(t, e.events[0].Err, errOutage)
			})
		})
	}
}

func TestStorageThatFailedOnceIsAskedAgainDuringAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		stored := e.mustRead()
		e.restart()
		e.store.failLoad = errOutage
		e.ims.fail(busy(5 * time.Minute))
		require.ErrorIs(t, e.mustFail(), busy(5*time.Minute))
		require.ErrorIs(t, e.mustFail(), busy(5*time.Minute))
		e.store.failLoad = nil
		require.Equal(t, stored.ID, e.mustRead().ID)
		require.Equal(t, 2, e.ims.count(), "nobody asked IMS before the wait was over")
	})
}

func TestReadsLeaveStorageAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		for range 100 {
			e.mustRead()
		}
		require.Equal(t, 1, e.store.loads)
		require.Equal(t, 1, e.store.saves)
	})
}

func TestPoolWithoutAStoreKeepsTokensInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.settings.Store = nil
		e.pool = e.newPool(time.Time{})
		first := e.mustRead()
		require.Equal(t, first.ID, e.mustRead().ID)
		require.Equal(t, 1, e.ims.count())
		require.Zero(t, e.store.saves+e.store.loads)
	})
}

func TestNodeThatMayNotMint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		leader := e.pool
		e.settings.MayMint = func() error { return errStandby }
		e.pool = e.newPool(time.Time{})
		standby := e.pool

		_, err := standby.Token(t.Context(), platform, 0)
		require.ErrorIs(t, err, errStandby)
		previous, err := leader.Token(t.Context(), platform, 0)
		require.NoError(t, err)
		require.Equal(t, previous, e.mustRead(), "it looks again before it refuses")
		_, err = standby.Rotate(t.Context(), platform)
		require.ErrorIs(t, err, errStandby)

		fresh, err := leader.Rotate(t.Context(), platform)
		require.NoError(t, err)
		require.Equal(t, previous.ID, e.mustRead().ID, "nobody told it yet")
		standby.Forget(func(s scopes.Set) bool { return s == scoped("other") })
		require.Equal(t, previous.ID, e.mustRead().ID, "nor about these scopes")
		standby.Forget(func(s scopes.Set) bool { return s == platform })
		require.Equal(t, fresh.Token, e.mustRead().Token)
		require.Equal(t, 2, e.ims.count())
	})
}

func TestForgottenTokenIsLoadedBeforeOneIsMinted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.pool.Forget(func(scopes.Set) bool { return true })
		require.Equal(t, previous.Token, e.mustRead().Token)
		require.Equal(t, 1, e.ims.count())
	})
}

func TestConfigureKeepsTheTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		require.EqualValues(t, 1800, previous.RotationPeriod)
		e.settings.RenewBefore = 10 * time.Minute
		e.pool.Configure(e.settings)
		served := e.mustRead()
		require.Equal(t, previous.Token, served.Token)
		require.EqualValues(t, 3000, served.TTL)
		require.EqualValues(t, 3000, served.RotationPeriod)
	})
}

func TestRetiredPoolServesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.pool.Retire()
		_ = e.pool.Wait(t.Context())
		_, ok := e.pool.Fresh(platform, 0)
		require.False(t, ok)
		_, err := e.pool.Token(t.Context(), platform, 0)
		require.ErrorIs(t, err, tokens.ErrSuperseded)
		require.Equal(t, 1, e.ims.count())
	})
}

func TestPoolRetiredAtTheLastMomentServesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var pool *tokens.Pool
		pool = tokens.NewPool(tokens.Options{
			Now:     e.clock.Now,
			Jitter:  e.jitter,
			Wake:    e.wake,
			Observe: func(tokens.Event) { pool.Retire() },
		}, e.settings)
		_, err := pool.Token(t.Context(), platform, 0)
		require.ErrorIs(t, err, tokens.ErrSuperseded)
		require.Equal(t, 1, e.ims.count())
	})
}

func TestRetiredPoolServesNoPreviousTokenEither(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.ims.fail(errOutage)
		e.advance(30 * time.Minute)
		require.NotNil(t, e.mustRead().Delay)
		e.pool.Retire()
		_, err := e.pool.Token(t.Context(), platform, 0)
		require.ErrorIs(t, err, tokens.ErrSuperseded)
	})
}
