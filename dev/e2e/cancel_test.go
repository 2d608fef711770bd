package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestReaderWhoGivesUpTakesNoTokenFromTheOthers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(fields{"verify": false})
	e.ims.Fault(emulator.Fault{Delay: time.Second})

	impatient, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	gaveUp := make(chan error, 1)
	go func() {
		_, err := readToken(impatient, e.server.Root(t), "itwin/token")
		gaveUp <- err
	}()
	vaulttest.Wait(t, 5*time.Second, "the first reader's exchange", func() error {
		if e.ims.Exchanges() == 0 {
			return errNotYet
		}
		return nil
	})
	e.mustToken("itwin/token")
	require.ErrorIs(t, <-gaveUp, context.DeadlineExceeded)
	require.Equal(t, 1, e.ims.Exchanges(), "both readers waited for the same exchange")
}
