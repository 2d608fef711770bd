package keyed

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestLimiterAdmitsALimitedNumberPerKey(t *testing.T) {
	t.Parallel()
	l := New(2)
	first, ok := l.TryAcquire("a")
	require.True(t, ok)
	_, ok = l.TryAcquire("a")
	require.True(t, ok)
	_, ok = l.TryAcquire("a")
	require.False(t, ok, "a third holder")
	_, ok = l.TryAcquire("b")
	require.True(t, ok, "another key's holders don't count")
	first()
	_, ok = l.TryAcquire("a")
	require.True(t, ok)
}

func TestAcquireWaitsForASlotOrItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := New(1)
		release, err := l.Acquire(t.Context(), "a")
		require.NoError(t, err)

		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() {
			_, err := l.Acquire(ctx, "a")
			gaveUp <- err
		}()
		synctest.Wait()
		require.Empty(t, gaveUp)
		cancel()
		require.ErrorIs(t, <-gaveUp, context.Canceled)

		release()
		release, err = l.Acquire(t.Context(), "a")
		require.NoError(t, err)
		release()
		require.Empty(t, l.slots, "a key without holders costs nothing")
	})
}
