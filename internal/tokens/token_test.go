package tokens_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

func TestRotationLeavesTheGuaranteedLife(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lifetime, renewBefore, guarantee time.Duration
	}{
		"an hour with the default":                {time.Hour, 30 * time.Minute, 30 * time.Minute},
		"a renew_before beyond half the lifetime": {time.Hour, 24 * time.Hour, 30 * time.Minute},
		"a renew_before of a second":              {time.Hour, time.Second, time.Second},
		"the shortest lifetime there is":          {4 * time.Second, 30 * time.Minute, 2 * time.Second},
		"the longest lifetime there is":           {24 * time.Hour, 30 * time.Minute, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			obtained := time.Now()
			token := tokens.Token{ObtainedAt: obtained, Lifetime: tc.lifetime}
			require.Equal(t, tc.guarantee, token.Guarantee(tc.renewBefore))
			require.Equal(t, tc.lifetime-tc.guarantee, token.RotationPeriod(tc.renewBefore))
			require.Equal(t, obtained.Add(tc.lifetime-tc.guarantee), token.RotateAt(tc.renewBefore))
			require.Equal(t, tc.guarantee, token.Left(token.RotateAt(tc.renewBefore)))
		})
	}
}

func TestClockSetBackDoesNotLengthenALife(t *testing.T) {
	t.Parallel()
	obtained := time.Now().Round(0)
	token := tokens.Token{ObtainedAt: obtained, Lifetime: time.Hour}
	require.Equal(t, time.Hour, token.Left(obtained.Add(-30*time.Second)))
	require.Zero(t, token.Left(obtained.Add(-30*time.Second-time.Nanosecond)), "its age is unknown")
	require.Equal(t, -time.Minute, token.Left(obtained.Add(61*time.Minute)))
}

func TestClockThatHasGoneFurtherEndsALife(t *testing.T) {
	t.Parallel()
	now := time.Now() // the one source of a monotonic reading
	token := tokens.Token{ObtainedAt: now, Lifetime: time.Hour}
	slept := withWallClockMoved(t, now.Add(time.Minute), 2*time.Hour)
	require.Equal(t, -61*time.Minute, token.Left(slept), "the machine was suspended")
	setBack := withWallClockMoved(t, now.Add(40*time.Minute), -30*time.Minute)
	require.Equal(t, 20*time.Minute, token.Left(setBack), "somebody set the clock")
}

// withWallClockMoved is a time whose monotonic reading knows nothing of the move.
func withWallClockMoved(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	moved := at.Add(by)
	monotonic := reflect.ValueOf(&moved).Elem().FieldByName("ext") // package time gives no other way
	*(*int64)(monotonic.Addr().UnsafePointer()) -= int64(by)
	require.Equal(t, at.Round(0).Add(by), moved.Round(0))
	require.Zero(t, moved.Sub(at))
	return moved
}

func TestIDIsTheHashOfTheToken(t *testing.T) {
	t.Parallel()
	// echo -n abc | sha256sum
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	require.Equal(t, sum, tokens.ID(secret.New("abc")))
	require.NotContains(t, tokens.ID(secret.New(strings.Repeat("ab", 32))), "abab")
}

func TestTTLOfANewToken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lifetime, renewBefore, age time.Duration
		share                      float64
		ttl                        int64
	}{
		"counts to the rotation, not to the expiry": {time.Hour, 30 * time.Minute, 0, 0, 1800},
		"is rounded up":                                  {time.Hour, 30 * time.Minute, 1500 * time.Millisecond, 0, 1799},
		"is at least three":                              {time.Hour, 30 * time.Minute, 1799 * time.Second, 0, 3},
		"gets a minute at random at most":                {24 * time.Hour, 12 * time.Hour, 0, 1, 43260},
		"gets a tenth of a shorter guarantee at most":    {time.Hour, 5 * time.Minute, 0, 1, 3330},
		"of the shortest token is at least one":          {4 * time.Second, time.Hour, 1900 * time.Millisecond, 1, 1},
		"of a token close to its rotation isn't shorter": {10 * time.Second, time.Second, 8900 * time.Millisecond, 1, 1},
		"ends two seconds before the expiry":             {10 * time.Second, time.Second, 0, 1, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.ims.lifetime, e.settings.RenewBefore, e.share = tc.lifetime, tc.renewBefore, tc.share
				e.pool = e.newPool(time.Time{})
				e.mustRead()
				e.advance(tc.age)
				served, ok := e.pool.Fresh(platform, 0)
				require.True(t, ok)
				require.Equal(t, tc.ttl, served.TTL)
				require.LessOrEqual(t, time.Duration(served.TTL)*time.Second, served.Left(e.clock.Now()))
			})
		})
	}
}

func TestRotatedAtIsInWholeSecondsAndLaterWithEachToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.advance(700 * time.Millisecond)
		first := e.mustRead()
		require.Equal(t, e.clock.Now().Truncate(time.Second), first.RotatedAt)
		require.Equal(t, e.clock.Now(), first.ObtainedAt)

		second, err := e.pool.Rotate(t.Context(), platform)
		require.NoError(t, err)
		require.Equal(t, first.RotatedAt.Add(time.Second), second.RotatedAt)
		third, err := e.pool.Rotate(t.Context(), platform)
		require.NoError(t, err)
		require.Equal(t, second.RotatedAt.Add(time.Second), third.RotatedAt)
		require.Equal(t, third.RotatedAt, e.pool.LastRotation())
		require.Equal(t, third.RotatedAt, e.mustRead().RotatedAt)
	})
}
