package ims

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/secret"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// clientOf returns a client that gets every answer from answer, without a network.
func clientOf(t *testing.T, answer roundTrip) *Client {
	t.Helper()
	client := mustClient(t, appOptions("http://127.0.0.1/connect/token"))
	client.transport.RegisterProtocol("http", answer)
	return client
}

// FuzzTokenAnswer: whatever IMS answers is a token that can be handed out, or an
// error that can be shown.
func FuzzTokenAnswer(f *testing.F) {
	for _, body := range []string{
		goodBody, `{"error":"invalid_client","error_description":"` + appSecret + `"}`, "null", "[]", "\ufeff{}",
		`{"access_token":"a","expires_in":"3600"}`, `{"access_token":"a","expires_in":1e12}`,
		`{"access_token":"aGVhZA.eyJleHAiOjQ2MDAsImlhdCI6MTAwMH0.","token_type":"bearer"}`,
	} {
		f.Add(http.StatusOK, "7", []byte(body))
		f.Add(http.StatusBadRequest, "-1", []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, wait string, body []byte) {
		client := clientOf(t, func(request *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"Retry-After": {wait}},
				Body: io.NopCloser(bytes.NewReader(body)), Request: request,
			}, nil
		})
		grant, err := client.Exchange(t.Context(), "itwin-platform")
		if err != nil {
			mustBeShowable(t, err, status)
			return
		}
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "Bearer", grant.TokenType)
		require.Regexp(t, `\A[A-Za-z0-9._~+/-]+=*\z`, grant.AccessToken.Reveal())
		require.LessOrEqual(t, len(grant.AccessToken.Reveal()), maxToken)
		require.GreaterOrEqual(t, grant.Lifetime, minLifetime)
		require.LessOrEqual(t, grant.Lifetime, maxLifetime)
	})
}

func mustBeShowable(t *testing.T, err error, status int) {
	t.Helper()
	var failure *Error
	require.ErrorAs(t, err, &failure)
	text := failure.Error()
	require.NotContains(t, text, appSecret)
	require.True(t, utf8.ValidString(text))
	require.False(t, strings.ContainsFunc(text, unicode.IsControl), "%q", text)
	require.Less(t, utf8.RuneCountInString(text), 600)
	switch failure.Kind {
	case Refused:
		require.NotEmpty(t, failure.Code)
		require.True(t, status >= 400 && status < 500, status)
	case Malformed:
		require.Equal(t, http.StatusOK, status)
	case RateLimited:
		require.Equal(t, http.StatusTooManyRequests, status)
	case TimedOut:
		t.Fatal("nothing took time")
	case Unreachable:
		require.NotEqual(t, http.StatusOK, status)
	}
}

// FuzzParseScopes: what is accepted is a scope parameter, and stays as it is when
// it is read again.
func FuzzParseScopes(f *testing.F) {
	for _, raw := range []string{"itwin-platform", " a, b  a,", "openid", "a\tb", "a\"b", "ü", ",", strings.Repeat("x ", 600)} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		scopes, err := ParseScopes(raw)
		if err != nil {
			require.Empty(t, scopes)
			return
		}
		again, err := ParseScopes(scopes)
		require.NoError(t, err)
		require.Equal(t, scopes, again)
		require.Regexp(t, `\A[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*\z`, scopes)
		require.LessOrEqual(t, len(scopes), maxScopes)
	})
}

// FuzzEcho: no secret of at least 8 characters survives in any form in which it
// was sent, whatever surrounds it.
func FuzzEcho(f *testing.F) {
	f.Add(appID, appSecret, "before ", 0, " after")
	f.Add("service-a", "redacted", "[", 1, "]")
	f.Add("service-a", "]aaaaaaa", "]aaaaaaa", 0, "aaaaaaa")
	f.Add("service-a", "sec\u200bret\xff-1234", "\u202e", 4, "")
	f.Fuzz(func(t *testing.T, id, value, before string, form int, after string) {
		forms := secretForms(id, value)
		sent := forms[max(form, -form-1)%len(forms)]
		shown := newCleaner(id, secret.New(value)).Text(before + sent + after)
		require.LessOrEqual(t, utf8.RuneCountInString(shown), 200)
		require.True(t, utf8.ValidString(shown))
		visible := strings.Map(visibleOnly, value)
		if utf8.RuneCountInString(visible) < 8 {
			return
		}
		for part := range strings.SplitSeq(shown, "[redacted]") {
			require.NotContains(t, part, visible)
		}
	})
}

// visibleOnly drops what a cleaned text never has.
func visibleOnly(r rune) rune {
	if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
		return -1
	}
	return r
}
