package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProgressIsDrawnOnATerminal hands in a clock that a second passes on at each look.
func TestProgressIsDrawnOnATerminal(t *testing.T) {
	t.Parallel()
	now := noon()
	clock := func() time.Time {
		now = now.Add(time.Second)
		return now
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), terminal{out: &out, err: &errs, now: clock, shows: true}, []string{"summary", log(t)})
	require.Equal(t, exitFound, code)
	require.Contains(t, errs.String(), "read 0 MiB, file 1 of 1")
	require.True(t, strings.HasSuffix(errs.String(), "\r\x1b[K"), "the line is gone in the end")
}

func TestInterruptEndsTheReading(t *testing.T) {
	t.Parallel()
	p := newProgress(terminal{now: noon}, 1)
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("interrupted"))
	_, err := p.watch(ctx, strings.NewReader("x")).Read(make([]byte, 1))
	require.ErrorContains(t, err, "interrupted")
}
