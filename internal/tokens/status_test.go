package tokens_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokens"
)

func TestStatusNamesEachStateThatTokensPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		state := func() tokens.State { return e.pool.Status(platform).State }
		require.Equal(t, tokens.Status{Scopes: platform, State: tokens.Idle}, e.pool.Status(platform))
		require.Empty(t, e.pool.Statuses())

		release := e.ims.block()
		waiting := e.reading(t.Context(), platform)
		require.Equal(t, tokens.Renewing, state(), "the first exchange is under way")
		release()
		synctest.Wait()
		first := <-waiting
		require.NoError(t, first.err)
		s := e.pool.Status(platform)
		require.Equal(t, tokens.Fresh, s.State)
		require.Equal(t, first.ID, s.Token.ID)
		require.Equal(t, first.ObtainedAt.Add(30*time.Minute), s.RotateAt)
		require.Equal(t, []tokens.Status{s}, e.pool.Statuses())

		e.ims.fail(errOutage)
		e.advance(29*time.Minute + 30*time.Second)
		e.renew()
		require.Equal(t, tokens.Renewing, state(), "it failed ahead of the rotation")
		require.ErrorIs(t, e.pool.Status(platform).Failure, errOutage)
		e.advance(10 * time.Minute)
		require.Equal(t, tokens.Degraded, state())
		e.advance(21 * time.Minute)
		require.Equal(t, tokens.Failing, state())
		require.Nil(t, e.pool.Status(platform).Token)

		e.ims.fail(nil)
		e.mustRead()
		require.Equal(t, tokens.Fresh, state())
		e.advance(40 * time.Minute)
		require.Equal(t, tokens.Idle, state(), "nobody has asked since the rotation was due")
	})
}

type categorized struct{ error }

func (categorized) Category() string { return "refused" }

func TestTallyCountsWhatHappenedToTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tally := new(tokens.Tally)
		e.countInto(tally)
		last, _ := tally.LastFailure()
		require.Nil(t, last)
		release := e.ims.block()
		one, two := e.reading(t.Context(), platform), e.reading(t.Context(), platform)
		release()
		require.NoError(t, (<-one).err)
		require.NoError(t, (<-two).err)
		require.EqualValues(t, 1, tally.Minted.Load())
		require.EqualValues(t, 1, tally.Coalesced.Load())

		e.ims.fail(categorized{errOutage})
		e.advance(31 * time.Minute)
		e.mustRead()
		e.advance(time.Hour)
		e.ims.fail(errOutage)
		_ = e.mustFail()
		require.Equal(t, []int64{2, 1, 1}, []int64{tally.Fresh.Load(), tally.Degraded.Load(), tally.Failed.Load()})
		require.Equal(t, map[string]int64{"refused": 1, "other": 1}, tally.Failures())
		last, at := tally.LastFailure()
		require.ErrorIs(t, last, errOutage)
		require.Equal(t, e.clock.Now(), at)
	})
}

func TestReadThatIMSDidNotFailIsNotCountedAsFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tally := new(tokens.Tally)
		e.countInto(tally)
		release := e.ims.block()
		ctx, leave := context.WithCancel(t.Context())
		left := e.reading(ctx, platform)
		leave()
		require.ErrorIs(t, (<-left).err, context.Canceled, "the reader has gone")
		release()
		synctest.Wait()
		_, err := e.pool.Token(t.Context(), platform, 59*time.Minute)
		require.ErrorAs(t, err, new(*tokens.MinLifeError))
		e.pool.Retire()
		_, err = e.pool.Token(t.Context(), platform, 0)
		require.ErrorIs(t, err, tokens.ErrSuperseded)

		e.store.tokens = newStore().tokens
		e.settings.MayMint = func() error { return errStandby }
		e.countInto(tally)
		_, err = e.pool.Token(t.Context(), platform, 0)
		require.ErrorIs(t, err, errStandby, "another node answers it")
		require.Zero(t, tally.Failed.Load())
	})
}

func TestCategoryIsWhatAnErrorNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "refused", tokens.Category(&tokens.Failure{Err: categorized{errOutage}}))
	require.Equal(t, "other", tokens.Category(errors.New("no kind")))
}
