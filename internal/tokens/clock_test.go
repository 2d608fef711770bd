package tokens_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokens"
)

func TestTokenOfAnotherNodeWhoseClockDiffers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ahead  time.Duration // the other node's clock
		served bool
	}{
		"a few seconds ahead":  {30 * time.Second, true},
		"a few seconds behind": {-30 * time.Second, true},
		"behind by minutes":    {-20 * time.Minute, true},
		"further ahead":        {30*time.Second + time.Millisecond, false},
		"two hours ahead":      {2 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.clock.set(tc.ahead)
				stored := e.mustRead()
				e.clock.set(0)
				e.restart()
				served := e.mustRead()
				require.Equal(t, tc.served, stored.ID == served.ID)
				if !tc.served {
					require.Equal(t, stored.RotatedAt.Add(time.Second), served.RotatedAt, "its rotation counts")
					require.Equal(t, 2, e.ims.count())
					_, err := e.pool.Rotate(t.Context(), platform)
					require.ErrorAs(t, err, new(*tokens.TooManyRotationsError))
					e.advance(time.Second)
					_, err = e.pool.Rotate(t.Context(), platform)
					require.NoError(t, err, "one a second is possible all the same")
				}
				require.Equal(t, tc.served, slices.Contains(e.seen(), tokens.Loaded))
			})
		})
	}
}

func TestTokenInMemoryWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first := e.mustRead()
		e.clock.set(-30 * time.Second)
		require.Equal(t, first.ID, e.mustRead().ID)
		e.clock.set(-time.Minute)
		require.NotEqual(t, first.ID, e.mustRead().ID, "its age is unknown")
	})
}

func TestBurstOfRotationsDoesNotRunAheadOfTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		rotations := 0
		var newest time.Time
		for range 500 {
			served, err := e.pool.Rotate(t.Context(), platform)
			var refused *tokens.TooManyRotationsError
			if err == nil {
				rotations++
				require.GreaterOrEqual(t, served.RotatedAt.Sub(newest), time.Second)
				newest = served.RotatedAt
			} else {
				require.ErrorAs(t, err, &refused)
				require.True(t, refused.NextAttempt.After(e.clock.Now()))
				require.LessOrEqual(t, refused.NextAttempt.Sub(e.clock.Now()), time.Second)
			}
			require.LessOrEqual(t, newest.Sub(e.clock.Now()), 5*time.Second)
			e.advance(100 * time.Millisecond)
		}
		require.Equal(t, rotations, e.ims.count(), "nothing is minted for those that are refused")
		require.InDelta(t, 55, rotations, 1)
		e.mustAdopt("verified")
		require.Equal(t, newest.Add(time.Second), e.mustRead().RotatedAt, "a config write is not refused")
	})
}

func TestRefusedRotationIsPossibleWhenItSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var refused *tokens.TooManyRotationsError
		for range 10 {
			if _, err := e.pool.Rotate(t.Context(), platform); err != nil {
				require.ErrorAs(t, err, &refused)
			}
		}
		require.NotNil(t, refused)
		e.advance(refused.NextAttempt.Sub(e.clock.Now()))
		_, err := e.pool.Rotate(t.Context(), platform)
		require.NoError(t, err)
	})
}
