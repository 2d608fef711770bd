package tokens_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

func TestSameTokenAgainIsNoNewOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tally := new(tokens.Tally)
		e.countInto(tally)
		e.ims.repeats = "again"
		first := e.mustRead()
		e.advance(30 * time.Minute)
		for left := 30 * time.Minute; left > 2*time.Second; left /= 2 {
			asked := e.ims.count()
			served := e.mustRead()
			require.Equal(t, first.Token, served.Token, "its rotation, times and lifetime stay")
			require.True(t, served.Repeated)
			require.Nil(t, served.Delay)
			require.LessOrEqual(t, time.Duration(served.TTL)*time.Second, max(left-2*time.Second, time.Second))
			require.Equal(t, asked+1, e.ims.count())
			e.advance(left/2 - time.Nanosecond)
			e.mustRead()
			require.Equal(t, asked+1, e.ims.count(), "IMS is asked again when half of what is left has passed")
			e.advance(time.Nanosecond)
		}
		require.Equal(t, 1, e.store.saves)
		require.EqualValues(t, 1, tally.Minted.Load())
		require.EqualValues(t, e.ims.count()-1, tally.Repeated.Load())
		require.NotContains(t, e.seen()[1:], tokens.Minted)
	})
}

func TestRepeatedTokenIsHandedOutToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.repeats = "again"
		first := e.mustRead()
		e.advance(time.Hour - 90*time.Second)
		require.True(t, e.mustRead().Repeated)
		e.ims.fail(errOutage)
		e.advance(90*time.Second - time.Nanosecond)
		require.Equal(t, first.ID, e.mustRead().ID, "there is no newer one, and no reserve")
		e.advance(time.Nanosecond)
		require.ErrorIs(t, e.mustFail(), errOutage)
		e.ims.fail(nil)
		e.advance(time.Minute)
		require.ErrorIs(t, e.mustFail(), tokens.ErrLateArrival, "asking again gives it no new life")
	})
}

func TestRepeatedTokenIsRenewedWhenHalfOfTheRestHasPassed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.repeats = "again"
		e.mustRead()
		e.advance(29 * time.Minute)
		e.renew()
		require.Equal(t, []tokens.EventKind{tokens.Minted, tokens.Repeated}, e.seen())
		e.mustRead()
		require.Equal(t, 15*time.Minute+30*time.Second, e.renew())
		e.ims.repeats = ""
		e.advance(15*time.Minute + 30*time.Second)
		e.renew()
		require.False(t, e.mustRead().Repeated)
		require.Equal(t, 3, e.ims.count())
	})
}

func TestIMSIsNotAskedTwiceInASecondForARepeatedTokenThatEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.repeats = "again"
		e.mustRead()
		e.advance(time.Hour - 1500*time.Millisecond)
		e.mustRead()
		e.advance(999 * time.Millisecond)
		e.mustRead()
		require.Equal(t, 2, e.ims.count())
		e.advance(time.Millisecond)
		e.mustRead()
		require.Equal(t, 3, e.ims.count())
	})
}

func TestWishForMoreLifeThanARepeatedTokenHasIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.repeats = "again"
		e.mustRead()
		e.advance(20 * time.Minute)
		for range 3 {
			_, err := e.pool.Token(t.Context(), platform, 50*time.Minute)
			var minLife *tokens.MinLifeError
			require.ErrorAs(t, err, &minLife)
			require.Equal(t, 40*time.Minute, minLife.Max)
		}
		require.Equal(t, 2, e.ims.count(), "IMS isn't asked for each of them")
	})
}

func TestRotateTellsThatTheTokenIsTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.repeats = "again"
		first := e.mustRead()
		rotated, err := e.pool.Rotate(t.Context(), platform)
		require.NoError(t, err)
		require.True(t, rotated.Repeated)
		require.Equal(t, first.Token, rotated.Token)
	})
}

// countInto makes the pool anew, with this tally.
func (e *env) countInto(tally *tokens.Tally) {
	e.pool = tokens.NewPool(tokens.Options{
		Now: e.clock.Now, Jitter: e.jitter, Wake: e.wake, Observe: e.observe,
		Tally: func(scopes.Set) *tokens.Tally { return tally },
	}, e.settings)
}
