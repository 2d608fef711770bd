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

func (i *issuer) keys(t *testing.T, now func() time.Time) *Keys {
	t.Helper()
	keys, err := NewKeys(KeysOptions{Authority: i.url, RequestTimeout: 10 * time.Second, TLSMinVersion: outbound.TLS12, Now: now})
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
	const (
		noSet = "IMS gives no answer that can be used, stage decoding: it isn't a JSON Web Key Set with a key in it that can be read"
		cut   = "IMS gives no answer that can be used, stage reading the answer:" +
			" the connection was closed or reset before the answer was complete"
	)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		cause  string
	}{
		"an error": {
			answering(http.StatusInternalServerError, "canary"),
			"IMS answers with status 500, stage HTTP status: it fails, or a gateway in front of it does",
		},
		"another place": {
			answering(http.StatusNotFound, "canary"), "IMS answers with status 404, stage HTTP status: the answer has no keys",
		},
		"a page":          {answering(http.StatusOK, "<html>canary</html>"), noSet},
		"an empty set":    {answering(http.StatusOK, `{"keys":[]}`), noSet},
		"no set":          {answering(http.StatusOK, `{}`), noSet},
		"a damaged key":   {answering(http.StatusOK, `{"keys":[{"kty":"RSA","kid":"k1","n":"!"}]}`), noSet},
		"more than 1 MiB": {answering(http.StatusOK, `{"keys":[{}],"x":"`+strings.Repeat("x", outbound.MaxBody)+`"}`), noSet},
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.url, http.StatusFound) },
			"IMS answers with status 302, stage HTTP status: redirects are not followed",
		},
		"an answer that is cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("{"))
		}, cut},
		"nothing before it hangs up": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, strings.Replace(cut, "reading", "waiting for", 1),
		},
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
				require.Equal(t, "fetching the keys of IMS from "+i.url+"/.well-known/openid-configuration/jwks: "+c.cause, err.Error())
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
	for authority, cause := range map[string]string{
		silent:               "IMS gave no answer within 50ms, stage waiting for the answer",
		"http://127.0.0.1:1": "IMS can't be reached, stage connect: the connection was refused",
	} {
		keys, err := NewKeys(KeysOptions{
			Authority: authority, RequestTimeout: 50 * time.Millisecond, TLSMinVersion: outbound.TLS12, Now: noon,
		})
		require.NoError(t, err)
		t.Cleanup(keys.Close)
		_, err = keys.Verify(t.Context(), i.sign(t, `{}`))
		require.EqualError(t, err, "fetching the keys of IMS from "+authority+keysPath+": "+cause)
	}
}

func TestVerifyTellsASignatureOfOthersFromNoJWT(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	_, err := i.keys(t, noon).Verify(t.Context(), newIssuer(t).sign(t, `{}`))
	require.EqualError(t, err, "none of the keys at "+i.url+keysPath+" signed it: it was changed, or is of another authority;"+
		" a key that is published there for less than a minute may not be known yet")
	for _, token := range []string{"", "canary", "a.b.c", "eyJhbGciOiJub25lIn0.e30."} {
		_, err := i.keys(t, noon).Verify(t.Context(), secret.New(token))
		require.Equal(t, errNoJWT, err, token)
	}
}

func TestKeysNeedATrustThatCanBeRead(t *testing.T) {
	t.Parallel()
	_, err := NewKeys(KeysOptions{Authority: "https://ims.example", CACert: "x", TLSMinVersion: outbound.TLS12, Now: noon})
	require.Error(t, err)
}
