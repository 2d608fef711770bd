package ims

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAKeyThatWasWithdrawnVerifiesForAnHourAtMost(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	clock := noon()
	keys := i.keys(t, func() time.Time { return clock })
	token := i.sign(t, `{}`)
	_, err := keys.Verify(t.Context(), token)
	require.NoError(t, err)
	i.say(answering(http.StatusOK, newIssuer(t).keySet()))

	clock = noon().Add(time.Hour - time.Second)
	_, err = keys.Verify(t.Context(), token)
	require.NoError(t, err)
	clock = noon().Add(time.Hour)
	_, err = keys.Verify(t.Context(), token)
	require.ErrorContains(t, err, "none of the keys")
}

func TestKeysThatAreAnHourOldDoNotOutlastAnAuthorityThatFails(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	clock := noon()
	keys := i.keys(t, func() time.Time { return clock })
	token := i.sign(t, `{}`)
	_, err := keys.Verify(t.Context(), token)
	require.NoError(t, err)
	i.say(answering(http.StatusInternalServerError, ""))
	clock = noon().Add(time.Hour)
	_, err = keys.Verify(t.Context(), token)
	require.ErrorAs(t, err, new(*KeysError))
}

func TestAKeyThatIsNewIsFetchedWithinTheHour(t *testing.T) {
	t.Parallel()
	i, next := newIssuer(t), newIssuer(t)
	clock := noon()
	keys := i.keys(t, func() time.Time { return clock })
	_, err := keys.Verify(t.Context(), i.sign(t, `{}`))
	require.NoError(t, err)
	i.say(answering(http.StatusOK, next.keySet()))

	clock = noon().Add(time.Minute - time.Second)
	_, err = keys.Verify(t.Context(), next.sign(t, `{}`))
	require.Error(t, err, "less than a minute ago")
	clock = noon().Add(time.Minute)
	_, err = keys.Verify(t.Context(), next.sign(t, `{}`))
	require.NoError(t, err)
	require.EqualValues(t, 2, i.fetches.Load())
}

func TestKeysOfOtherKindsAreIgnored(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	odd := `{"keys":[{"kty":"OKP","crv":"Ed448","x":"AA"},{"kty":"oct","k":"AA"},{"kty":"RSA","n":"!"},`
	i.say(answering(http.StatusOK, strings.Replace(i.keySet(), `{"keys":[`, odd, 1)))
	_, err := i.keys(t, noon).Verify(t.Context(), i.sign(t, `{}`))
	require.NoError(t, err)
}

func TestAFetchThatHangsDelaysNobodyWhoHasKeys(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	var clock atomic.Pointer[time.Time]
	at := noon()
	clock.Store(&at)
	keys := i.keys(t, func() time.Time { return *clock.Load() })
	known, unknown := i.sign(t, `{}`), newIssuer(t).sign(t, `{}`)
	_, err := keys.Verify(t.Context(), known)
	require.NoError(t, err)

	asked := make(chan struct{})
	i.say(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	later := noon().Add(time.Minute)
	clock.Store(&later)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := keys.Verify(ctx, unknown)
		ended <- err
	}()
	<-asked
	_, err = keys.Verify(t.Context(), known)
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	keys.Close() // or the fetch would last as long as its limit
}
