package ims

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

// issuer publishes one key, or what answer says, and signs with it.
type issuer struct {
	key     *rsa.PrivateKey
	url     string
	fetches atomic.Int64
	answer  atomic.Pointer[http.HandlerFunc]
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i := &issuer{key: key}
	i.say(answering(http.StatusOK, i.keySet()))
	i.url = serve(t, func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		(*i.answer.Load())(w, r)
	}).URL
	return i
}

func (i *issuer) say(answer http.HandlerFunc) { i.answer.Store(&answer) }

func (i *issuer) keySet() string {
	n := base64.RawURLEncoding.EncodeToString(i.key.N.Bytes())
	e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(i.key.E)).Bytes())
	return fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k1","n":%q,"e":%q}]}`, n, e)
}

func (i *issuer) sign(t *testing.T, claims string) secret.Text {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","kid":"k1"}`)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return secret.New(signed + "." + encode(signature))
}

func keysOptions(authority string, timeout time.Duration, now func() time.Time) KeysOptions {
	return KeysOptions{Authority: authority, Options: outbound.Options{Timeout: timeout, TLSMinVersion: outbound.TLS12, Now: now}}
}

func (i *issuer) keys(t *testing.T, now func() time.Time) *Keys {
	t.Helper()
	keys, err := NewKeys(keysOptions(i.url, 10*time.Second, now))
	require.NoError(t, err)
	t.Cleanup(keys.Close)
	return keys
}

func TestVerifyReturnsTheClaimsOfWhatWasSigned(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	keys := i.keys(t, noon)
	claims, err := keys.Verify(t.Context(), i.sign(t, `{"iss":"https://elsewhere","exp":1795435200,"aud":"x","scope":["a"]}`))
	require.NoError(t, err)
	require.Equal(t, "https://elsewhere", claims.Issuer, "the caller judges it")
	require.True(t, noon().Equal(claims.Expires))
	require.Equal(t, map[string]any{"iss": "https://elsewhere", "exp": 1795435200.0, "aud": "x", "scope": []any{"a"}}, claims.All)

	claims, err = keys.Verify(t.Context(), i.sign(t, `{}`))
	require.NoError(t, err)
	require.Zero(t, claims.Expires)
}

func TestVerifyAsksForKeysOnlyWhereASignatureNeedsThem(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	_, err := i.keys(t, noon).Verify(t.Context(), secret.New("canary"))
	require.Equal(t, errNoJWT, err)
	require.NotContains(t, err.Error(), "canary")
	require.Zero(t, i.fetches.Load())
}

func TestVerifyFetchesKeysOnceForAllWhoWait(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	keys := i.keys(t, noon)
	token := i.sign(t, `{}`)
	errs := make(chan error, 20)
	for range cap(errs) {
		go func() {
			_, err := keys.Verify(t.Context(), token)
			errs <- err
		}()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	require.EqualValues(t, 1, i.fetches.Load())
}

func TestVerifyTakesNothingButAKeySetForKeys(t *testing.T) {
	t.Parallel()
	elsewhere := newIssuer(t)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		kind   Kind
		stage  outbound.Stage
	}{
		"an error":        {answering(http.StatusInternalServerError, "canary"), Unavailable, outbound.StageStatus},
		"another place":   {answering(http.StatusNotFound, "canary"), Foreign, outbound.StageStatus},
		"a page":          {answering(http.StatusOK, "<html>canary</html>"), Foreign, outbound.StageDecode},
		"an empty set":    {answering(http.StatusOK, `{"keys":[]}`), Foreign, outbound.StageDecode},
		"no set":          {answering(http.StatusOK, `{}`), Foreign, outbound.StageDecode},
		"a damaged key":   {answering(http.StatusOK, `{"keys":[{"kty":"RSA","kid":"k1","n":"!"}]}`), Foreign, outbound.StageDecode},
		"more than 1 MiB": {answering(http.StatusOK, strings.Repeat(" ", outbound.MaxBody)+`{"keys":[]}`), Foreign, outbound.StageRead},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.url, http.StatusFound)
		}, Foreign, outbound.StageStatus},
		"an answer that is cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("{"))
		}, Unreachable, outbound.StageRead},
		"nothing before it hangs up": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, Unreachable, outbound.StageWait},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			good := *i.answer.Load()
			i.say(c.answer)
			clock := noon()
			keys := i.keys(t, func() time.Time { return clock })
			token := i.sign(t, `{}`)
			for range 3 {
				_, err := keys.Verify(t.Context(), token)
				var lacking *KeysError
				require.ErrorAs(t, err, &lacking)
				require.Equal(t, c.kind, lacking.Cause.Kind)
				require.Equal(t, c.stage, lacking.Cause.Stage)
				require.Contains(t, err.Error(), "could not fetch IMS's keys: ")
				require.Contains(t, err.Error(), i.url+"/.well-known/openid-configuration/jwks")
				require.NotContains(t, err.Error(), "canary")
				require.Equal(t, noon().Add(time.Minute), lacking.Next)
			}
			require.EqualValues(t, 1, i.fetches.Load())
			i.say(good)
			clock = clock.Add(time.Minute)
			_, err := keys.Verify(t.Context(), token)
			require.NoError(t, err)
		})
	}
	require.Zero(t, elsewhere.fetches.Load())
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	keys := i.keys(t, noon)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := keys.Verify(ctx, i.sign(t, `{}`))
	require.ErrorIs(t, err, context.Canceled)
	_, lacking := errors.AsType[*KeysError](err)
	require.False(t, lacking, "the keys may be had by the next who asks")
}

func TestKeysThatNobodyAnswersForSayWhere(t *testing.T) {
	t.Parallel()
	silent := "http://" + listen(t, func(_ int, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	i := newIssuer(t)
	for authority, kind := range map[string]Kind{silent: TimedOut, "http://127.0.0.1:1": Unreachable} {
		keys, err := NewKeys(keysOptions(authority, 50*time.Millisecond, noon))
		require.NoError(t, err)
		t.Cleanup(keys.Close)
		_, err = keys.Verify(t.Context(), i.sign(t, `{}`))
		var lacking *KeysError
		require.ErrorAs(t, err, &lacking)
		require.Equal(t, authority+keysPath, lacking.URL)
		require.Equal(t, kind, lacking.Cause.Kind)
	}
}

func TestVerifyTellsASignatureOfOthersFromNoJWT(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	_, err := i.keys(t, noon).Verify(t.Context(), newIssuer(t).sign(t, `{}`))
	require.EqualError(t, err, "none of the keys at "+i.url+keysPath+" signed it: it was altered, or comes from another authority;"+
		" a key that has been published there for less than a minute may not be known yet")
	for _, token := range []string{"", "canary", "a.b.c", "eyJhbGciOiJub25lIn0.e30."} {
		_, err := i.keys(t, noon).Verify(t.Context(), secret.New(token))
		require.Equal(t, errNoJWT, err, token)
	}
}

func TestKeysAreRefusedForWhatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*KeysOptions){
		"a trust that can't be read": func(o *KeysOptions) { o.CACert = "x" },
		"an authority without TLS":   func(o *KeysOptions) { o.Authority = "http://ims.example" },
		"a host that isn't allowed":  func(o *KeysOptions) { o.AllowedHosts, _ = outbound.ParseAllowedHosts("*.bentley.com") },
	} {
		o := keysOptions("https://ims.example", time.Second, noon)
		spoil(&o)
		_, err := NewKeys(o)
		require.Error(t, err, name)
	}
}

func TestVerifyTakesATokenOnlyAsItWasHandedOut(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	keys := i.keys(t, noon)
	token := i.sign(t, `{}`).Reveal()
	_, err := keys.Verify(t.Context(), secret.New(token))
	require.NoError(t, err)
	for name, changed := range map[string]string{
		"a line break":            token[:40] + "\n" + token[40:],
		"a line break at its end": token + "\r\n",
		"padding":                 token + "==",
		"bits that carry nothing": nextInLastCharacter(token),
	} {
		_, err := keys.Verify(t.Context(), secret.New(changed))
		require.Error(t, err, name)
	}
}

// nextInLastCharacter changes the four bits of the last character of a signature of
// 256 bytes that carry nothing.
func nextInLastCharacter(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + alphabet[last+1:last+2]
}
