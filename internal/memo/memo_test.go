package memo

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func value(v string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return v, nil }
}

func keep(string) {}

func TestMemoReadsOnceUntilTheValueIsForgotten(t *testing.T) {
	t.Parallel()
	m := New[string]()
	for _, read := range []string{"first", "never"} {
		v, err := m.Get(t.Context(), "name", value(read), keep)
		require.NoError(t, err)
		require.Equal(t, "first", v)
	}
	dropped, ok := m.Forget("name")
	require.True(t, ok)
	require.Equal(t, "first", dropped)
	v, err := m.Get(t.Context(), "name", value("second"), keep)
	require.NoError(t, err)
	require.Equal(t, "second", v)
}

func TestMemoDoesNotCacheErrors(t *testing.T) {
	t.Parallel()
	m := New[string]()
	failure := errors.New("no")
	_, err := m.Get(t.Context(), "name", func(context.Context) (string, error) { return "canary", failure }, keep)
	require.Equal(t, failure, err)
	v, err := m.Get(t.Context(), "name", value("found"), keep)
	require.NoError(t, err)
	require.Equal(t, "found", v)
}

func TestMemoDropsAValueThatBecameStaleDuringItsRead(t *testing.T) {
	t.Parallel()
	m := New[string]()
	var dropped []string
	reads := []string{"new", "old"}
	read := func(context.Context) (string, error) {
		v := reads[len(reads)-1]
		reads = reads[:len(reads)-1]
		if v == "old" {
			m.Forget("name")
		}
		return v, nil
	}
	v, err := m.Get(t.Context(), "name", read, func(v string) { dropped = append(dropped, v) })
	require.NoError(t, err)
	require.Equal(t, "new", v)
	require.Equal(t, []string{"old"}, dropped)
}

func TestMemoPrefersAValueWrittenDuringARead(t *testing.T) {
	t.Parallel()
	m := New[string]()
	v, err := m.Get(t.Context(), "name", func(context.Context) (string, error) {
		m.Swap("name", "written")
		return "read", nil
	}, keep)
	require.NoError(t, err)
	require.Equal(t, "written", v)
}

func TestMemoDoesNotShareAReadThatStartedBeforeAChange(t *testing.T) {
	t.Parallel()
	m := New[string]()
	missing := errors.New("there is none")
	reading, release, before := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := m.Get(context.WithoutCancel(t.Context()), "name", func(context.Context) (string, error) {
			close(reading)
			<-release
			return "", missing
		}, keep)
		before <- err
	}()
	<-reading
	m.Forget("name") // as a write does
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	v, err := m.Get(ctx, "name", value("written"), keep)
	close(release)
	require.NoError(t, err)
	require.Equal(t, "written", v)
	require.Equal(t, missing, <-before)
}

func TestMemoContinuesAReadWhenItsReaderGivesUp(t *testing.T) {
	t.Parallel()
	m := New[string]()
	ctx, cancel := context.WithCancel(t.Context())
	released, read := make(chan struct{}), make(chan error, 1)
	_, err := m.Get(ctx, "name", func(ctx context.Context) (string, error) {
		cancel()
		<-released
		read <- ctx.Err()
		return "found", nil
	}, keep)
	require.ErrorIs(t, err, context.Canceled)
	close(released)
	require.NoError(t, <-read, "others may wait for the same read")
}

func TestMemoForgetsAValueOnlyIfItIsStale(t *testing.T) {
	t.Parallel()
	m := New[string]()
	m.Swap("name", "kept")
	_, ok := m.ForgetIf("name", func(v string) bool { return v == "another" })
	require.False(t, ok)
	require.Equal(t, map[string]string{"name": "kept"}, m.All())
	v, ok := m.ForgetIf("name", func(v string) bool { return v == "kept" })
	require.True(t, ok)
	require.Equal(t, "kept", v)
	_, ok = m.Peek("name")
	require.False(t, ok)
}

func TestMemoAllReturnsACopy(t *testing.T) {
	t.Parallel()
	m := New[string]()
	m.Swap("name", "kept")
	delete(m.All(), "name")
	v, ok := m.Peek("name")
	require.True(t, ok)
	require.Equal(t, "kept", v)
}
