package soak

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// soakTime is how long SOAK_TIME says. Without it, there is time for two rotations alone.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK_TIME")
	if text == "" {
		return lifetime
	}
	long, err := time.ParseDuration(text)
	require.NoError(t, err, "SOAK_TIME")
	return long
}

// stand is everything that takes part.
type stand struct {
	*operator
	*witness
}

func newStand(t *testing.T, ims *emulator.Emulator, v vault) *stand {
	t.Helper()
	m := newModel()
	return &stand{
		operator: &operator{t: t, vault: v, ims: ims, model: m, done: make(map[string]int), wrong: make(chan error, 100)},
		witness:  &witness{vault: v, ims: ims, model: m},
	}
}

func newIMS(t *testing.T) *emulator.Emulator {
	t.Helper()
	ims, err := startIMS()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ims.Close()) })
	return ims
}

// soak meddles while everyone reads, and requires that no answer was wrong.
func (s *stand) soak(long, pause time.Duration) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() { s.stalls.watch(ctx) })
	for reader := range readers {
		all.Go(func() { s.run(ctx, reader, pause) })
	}
	s.meddle(time.Now().Add(long))
	cancel()
	all.Wait()
	s.background.Wait()
	s.t.Logf("%s: %d reads got a token, %d an error; %d while nothing was written, %d with a usable token; %d exchanges; %v",
		long, s.served.Load(), s.refused.Load(), s.strict.Load(), s.patient.Load(), s.operator.ims.Exchanges(), s.done)
	close(s.operator.wrong)
	for err := range s.operator.wrong {
		s.report("%v", err)
	}
	require.Empty(s.t, s.witness.wrong)
	require.Positive(s.t, s.served.Load())
	require.Positive(s.t, s.strict.Load())
	require.Positive(s.t, s.patient.Load())
}

// settle brings everything to where it was at the beginning: the same apps, roles and tokens.
func (s *stand) settle() {
	s.t.Helper()
	s.begin()
	for _, path := range paths()[:len(paths())-len(churned(""))] {
		_, err := s.operator.vault.readToken(s.t.Context(), 0, path)
		require.NoError(s.t, err, path)
	}
}
