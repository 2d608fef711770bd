package tokens_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokens"
)

func TestRenewalBeginsAheadOfTheRotation(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lifetime, renewBefore, begins time.Duration
	}{
		"by a minute":                       {time.Hour, 30 * time.Minute, 29 * time.Minute},
		"by a quarter of a short rotation":  {40 * time.Second, time.Hour, 15 * time.Second},
		"by a minute of a long life":        {24 * time.Hour, 30 * time.Minute, 23*time.Hour + 29*time.Minute},
		"by half a second of a short token": {4 * time.Second, time.Hour, 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.ims.lifetime, e.settings.RenewBefore = tc.lifetime, tc.renewBefore
				e.pool.Configure(e.settings)
				previous := e.mustRead()
				e.advance(tc.begins - time.Nanosecond)
				require.Equal(t, time.Nanosecond, e.renew())
				require.Equal(t, 1, e.ims.count())
				e.advance(time.Nanosecond)
				e.renew()
				require.Equal(t, 2, e.ims.count())
				require.NotEqual(t, previous.ID, e.mustRead().ID)
			})
		})
	}
}

func TestRenewTellsWhenTheNextIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		require.Equal(t, time.Hour, e.renew(), "nothing is held")
		e.mustRead()
		require.Equal(t, 29*time.Minute, e.renew())
		e.advance(10 * time.Minute)
		_, err := e.pool.Token(t.Context(), scoped("later"), 0)
		require.NoError(t, err)
		require.Equal(t, 19*time.Minute, e.renew(), "the earlier one counts")
	})
}

func TestFirstReaderWakesTheRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		require.NoError(t, e.pool.Adopt(t.Context(), platform, grant("verified", e.clock.Now(), time.Hour)))
		wakes := e.wakes
		e.mustRead()
		require.Equal(t, wakes+1, e.wakes)
		e.mustRead()
		require.Equal(t, wakes+1, e.wakes)
	})
}

func TestTokenThatNobodyReadIsLeftToExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		_, err := e.pool.Rotate(t.Context(), platform)
		require.NoError(t, err)
		for range 3 {
			e.advance(29 * time.Minute)
			require.Equal(t, time.Hour, e.renew())
		}
		require.Equal(t, 1, e.ims.count())
	})
}

func TestRenewedTokenIsRenewedAgainOnlyIfItIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.advance(29 * time.Minute)
		e.renew()
		require.Equal(t, 2, e.ims.count())
		e.advance(29 * time.Minute)
		e.renew()
		require.Equal(t, 2, e.ims.count())
		e.mustRead()
		e.renew()
		require.Equal(t, 3, e.ims.count())
	})
}

func TestExpiredTokenIsNotRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.advance(time.Hour)
		require.Equal(t, time.Hour, e.renew())
		require.Equal(t, 1, e.ims.count())
	})
}

func TestFailedRenewalIsTriedAgainWhenItIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		previous := e.mustRead()
		e.advance(29 * time.Minute)
		e.ims.fail(busy(20 * time.Second))
		e.renew()
		require.Equal(t, 20*time.Second, e.renew())
		require.Equal(t, 2, e.ims.count())
		require.Nil(t, e.mustRead().Delay, "before the rotation a failure isn't the reader's")

		e.ims.fail(nil)
		e.advance(20 * time.Second)
		e.renew()
		require.NotEqual(t, previous.ID, e.mustRead().ID)
		require.Equal(t, 3, e.ims.count())
	})
}

func TestFailedRotationIsTriedAgainEvenIfNobodyReadsTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first, err := e.pool.Rotate(t.Context(), platform)
		require.NoError(t, err)
		e.ims.fail(errOutage)
		_, err = e.pool.Rotate(t.Context(), platform)
		require.ErrorIs(t, err, errOutage)
		require.Equal(t, time.Second, e.renew())

		e.ims.fail(nil)
		e.advance(time.Second)
		e.renew()
		require.Equal(t, 3, e.ims.count())
		require.Equal(t, tokens.Fresh, e.pool.Status(platform).State, "the failure didn't outlive the outage")
		require.NotEqual(t, first.ID, e.pool.Status(platform).Token.ID)
		e.advance(40 * time.Minute)
		require.Equal(t, time.Hour, e.renew(), "nobody read the new one either: it is left to expire")
	})
}

func TestRenewalUnderWayIsNotStartedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.advance(29 * time.Minute)
		release := e.ims.block()
		e.renew()
		require.Equal(t, time.Hour, e.renew(), "the end of the exchange wakes the loop")
		wakes := e.wakes
		release()
		synctest.Wait()
		require.Greater(t, e.wakes, wakes)
		require.Equal(t, 2, e.ims.count())
	})
}

func TestRenewalOvertakenByARotationMintsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.advance(29 * time.Minute)
		asked := false
		e.settings.MayMint = func() error {
			if !asked {
				asked = true
				_, err := e.pool.Rotate(t.Context(), platform)
				require.NoError(t, err)
			}
			return nil
		}
		e.pool.Configure(e.settings)
		e.renew()
		require.True(t, asked)
		require.Equal(t, 2, e.ims.count())
	})
}

func TestTokenDueOnArrivalIsRenewedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.lifetime, e.ims.takes = 4*time.Second, 3*time.Second
		e.mustRead()
		require.Equal(t, time.Second, e.renew())
		require.Equal(t, 1, e.ims.count())
	})
}

func TestNodeThatMayNotMintRenewsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.settings.MayMint = func() error { return errStandby }
		e.pool.Configure(e.settings)
		e.advance(29 * time.Minute)
		require.Equal(t, time.Minute, e.renew())
		require.Equal(t, 1, e.ims.count())
	})
}

func TestRetiredPoolRenewsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		e.advance(29 * time.Minute)
		e.pool.Retire()
		require.Equal(t, time.Hour, e.renew())
		require.Equal(t, 1, e.ims.count())
	})
}

func TestPoolForgetsTokensThatAreOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		require.Equal(t, 1, e.store.loads)
		e.advance(time.Hour - time.Nanosecond)
		e.mustRead()
		e.renew()
		require.Equal(t, 1, e.store.loads)
		e.advance(time.Hour)
		e.renew()
		e.mustRead()
		require.Equal(t, 2, e.store.loads, "a forgotten token's entry asks storage again")
	})
}

func TestPoolRemembersAFailureWithoutAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.fail(errOutage)
		next := e.mustFail().NextAttempt
		e.advance(next.Add(10*time.Minute - time.Nanosecond).Sub(e.clock.Now()))
		e.renew()
		second := e.mustFail()
		require.Equal(t, 2, second.Attempts)
		e.advance(second.NextAttempt.Add(10 * time.Minute).Sub(e.clock.Now()))
		e.renew()
		require.Equal(t, 1, e.mustFail().Attempts, "a failure that long ago is over")
	})
}

func TestFailureWithoutATokenIsForgottenInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.fail(errOutage)
		next := e.mustFail().NextAttempt
		wait := e.renew()
		require.Equal(t, next.Add(10*time.Minute), e.clock.Now().Add(wait))
		require.Len(t, e.pool.Statuses(), 1)
		e.advance(wait)
		e.renew()
		require.Empty(t, e.pool.Statuses())
	})
}

func TestPoolRemembersARotationAheadOfTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.ims.lifetime, e.settings.Store = 4*time.Second, nil
		e.pool = e.newPool(time.Time{})
		var last tokens.Served
		for range 6 {
			var err error
			last, err = e.pool.Rotate(t.Context(), platform)
			require.NoError(t, err)
		}
		e.advance(4 * time.Second)
		e.renew()
		require.Equal(t, last.RotatedAt.Add(time.Second), e.mustRead().RotatedAt)
	})
}
