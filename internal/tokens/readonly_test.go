package tokens_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// standby makes the pool one of a node that may not mint, with the token that its
// leader has minted. It returns the leader's pool.
func (e *env) standby() *tokens.Pool {
	e.Helper()
	leader := e.pool
	_, err := leader.Token(e.Context(), platform, 0)
	require.NoError(e, err)
	e.settings.MayMint = func() error { return errStandby }
	e.pool = e.newPool(time.Time{})
	e.mustRead()
	return leader
}

// read returns "passed on", "previous" or "fresh", without any wait.
func (e *env) read() string {
	e.Helper()
	r := <-e.reading(e.Context(), platform)
	require.LessOrEqual(e, r.took, time.Second)
	switch {
	case r.err != nil:
		require.ErrorIs(e, r.err, errStandby)
		return "passed on"
	case r.Delay != nil:
		require.Equal(e, tokens.DelayReadOnly, r.Delay.Reason)
		return "previous"
	}
	return "fresh"
}

func TestNodeThatMayNotMintPassesOneReadOnNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.standby()
		e.advance(30*time.Minute - time.Nanosecond)
		e.renew()
		require.Equal(t, "fresh", e.read(), "nothing is passed on before the rotation")
		e.advance(time.Nanosecond)
		rotation := e.clock.Now()
		var passed []time.Duration
		for e.clock.Now().Before(rotation.Add(2 * time.Minute)) {
			switch got := e.read(); got {
			case "passed on":
				passed = append(passed, e.clock.Now().Sub(rotation))
			default:
				require.Equal(t, "previous", got)
			}
			require.Equal(t, "previous", e.read(), "one reader is enough")
			e.advance(time.Second)
		}
		require.Equal(t, []time.Duration{0, 5 * time.Second, 15 * time.Second, 35 * time.Second, 65 * time.Second, 95 * time.Second}, passed)
		require.Equal(t, 1, e.ims.count())

		e.advance(rotation.Add(29 * time.Minute).Sub(e.clock.Now()))
		require.Contains(t, []string{"passed on", "previous"}, e.read())
		e.advance(time.Nanosecond)
		for range 3 {
			require.Equal(t, "passed on", e.read(), "without a usable token every read is")
		}
	})
}

func TestNewTokenEndsTheBackoffOfANodeThatMayNotMint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		leader := e.standby()
		for range 2 {
			e.advance(30 * time.Minute)
			require.Equal(t, "passed on", e.read())
			e.advance(5 * time.Second)
			require.Equal(t, "passed on", e.read())
			require.Equal(t, "previous", e.read())
			_, err := leader.Token(t.Context(), platform, 0) // the read that was passed on
			require.NoError(t, err)
			e.pool.Forget(func(scopes.Set) bool { return true })
			require.Equal(t, "fresh", e.read())
		}
	})
}

func TestNodeThatMayNotMintLooksIntoTheStoreWithEachReadThatItPassesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		leader := e.standby()
		e.advance(30 * time.Minute)
		require.Equal(t, "passed on", e.read())
		_, err := leader.Token(t.Context(), platform, 0)
		require.NoError(t, err)
		e.advance(5 * time.Second)
		require.Equal(t, "passed on", e.read())
		require.Equal(t, "fresh", e.read(), "though nobody told it of the new token")
	})
}

func TestNodeThatHasBecomeTheWriterPassesNothingOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		may := false
		e.settings.MayMint = func() error {
			if may {
				return nil
			}
			return errStandby
		}
		e.pool.Configure(e.settings)
		e.mustAdopt("first")
		e.advance(30 * time.Minute)
		require.Equal(t, "passed on", e.read())
		may = true
		e.advance(5 * time.Second)
		require.Equal(t, "previous", e.read())
		require.Equal(t, "fresh", e.read())
		require.Equal(t, 1, e.ims.count())
	})
}

func TestForgottenTokenIsThePreviousOneWhileTheStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		leader := e.standby()
		previous := e.mustRead()
		e.store.hangLoad = true
		newer, err := leader.Rotate(t.Context(), platform)
		require.NoError(t, err)
		e.pool.Forget(func(scopes.Set) bool { return true })
		require.Equal(t, previous.ID, e.requireDelayed(time.Second).ID)
		require.Equal(t, previous.ID, e.requireDelayed(0).ID)
		e.advance(time.Minute)
		for range 10 {
			require.Equal(t, "previous", e.read(), "before the rotation nothing is passed on")
		}
		e.store.hangLoad = false
		e.advance(time.Minute)
		require.Equal(t, "previous", e.read(), "this one looks into the store")
		require.Equal(t, newer.Token, e.mustRead().Token)
	})
}

func TestReaderAfterForgetGetsTheNewerTokenDuringAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.mustRead()
		other := e.newPool(time.Time{})
		newer, err := other.Rotate(t.Context(), platform)
		require.NoError(t, err)
		e.ims.fail(busy(5 * time.Minute))
		_, err = e.pool.Rotate(t.Context(), platform)
		require.Error(t, err)
		e.pool.Forget(func(scopes.Set) bool { return true })
		require.Equal(t, newer.ID, e.mustRead().ID)
		require.Equal(t, 3, e.ims.count())
	})
}
