package ims

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
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

func TestNoPublishedKeyTakesLongToVerify(t *testing.T) {
	t.Parallel()
	key := func(bits int) string {
		modulus := bytes.Repeat([]byte{0xff}, bits/8)
		return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"f____w"}`, base64.RawURLEncoding.EncodeToString(modulus))
	}
	set := func(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }
	keys, failure := readKeys(set(key(maxKeyBits), key(maxKeyBits+8), key(48<<13)))
	require.Nil(t, failure)
	require.Len(t, keys, 1, "a token of 64 KiB has room for the signature of the last one, which takes a minute")
	_, failure = readKeys(set(key(maxKeyBits + 8)))
	require.Equal(t, noKeySet(), failure)
	keys, failure = readKeys(set(slices.Repeat([]string{key(2048)}, 2000)...))
	require.Nil(t, failure)
	require.Len(t, keys, maxKeys)
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
