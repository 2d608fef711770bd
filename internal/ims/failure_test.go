package ims

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

func TestEveryStatusHasItsKind(t *testing.T) {
	t.Parallel()
	oauth := func(code string) string { return `{"error":"` + code + `","error_description":"canary"}` }
	cases := []struct {
		name   string
		status int
		body   string
		kind   Kind
		stage  outbound.Stage
	}{
		{"an OAuth error in a 400 is a refusal", 400, oauth("invalid_scope"), Refused, outbound.StageStatus},
		{"an OAuth error in a 401 is a refusal", 401, oauth("invalid_client"), Refused, outbound.StageStatus},
		{"an OAuth error after a byte order mark is a refusal", 401, "\ufeff" + oauth("invalid_client"), Refused, outbound.StageStatus},
		{"an error of RFC 6750 is a refusal", 401, oauth("insufficient_scope"), Refused, outbound.StageStatus},
		{"an OAuth error in a 403 is not IMS's refusal", 403, oauth("invalid_client"), Foreign, outbound.StageStatus},
		{"an OAuth error in a 404 is not IMS's refusal", 404, oauth("invalid_client"), Foreign, outbound.StageStatus},
		{"an OAuth error in a 418 is not IMS's refusal", 418, oauth("invalid_client"), Foreign, outbound.StageStatus},
		{"an error with a blank comes from a gateway", 400, oauth("Bad Request"), Foreign, outbound.StageStatus},
		{"an error with capitals comes from a gateway", 401, oauth("Unauthorized"), Foreign, outbound.StageStatus},
		{"an error of a hundred letters comes from a gateway", 401, oauth(strings.Repeat("a", 100)), Foreign, outbound.StageStatus},
		{"an error of 100 KiB comes from a gateway", 401, oauth(strings.Repeat("a", 100<<10)), Foreign, outbound.StageStatus},
		{"an error with hidden characters comes from a gateway", 401, oauth(`invalid\u200b_client`), Foreign, outbound.StageStatus},
		{"an error that is a number comes from a gateway", 400, `{"error":7}`, Foreign, outbound.StageStatus},
		{"an error that is a list comes from a gateway", 400, `{"error":["invalid_client"]}`, Foreign, outbound.StageStatus},
		{"a message without an error comes from a gateway", 401, `{"message":"canary"}`, Foreign, outbound.StageStatus},
		{"an error that is an object comes from a gateway", 400, `{"error":{"code":"canary"}}`, Foreign, outbound.StageStatus},
		{"a page in a 400 comes from a gateway", 400, "<html>canary", Foreign, outbound.StageStatus},
		{"a page in a 403 comes from a gateway", 403, "<html>canary", Foreign, outbound.StageStatus},
		{"a 405 comes from something else", 405, "", Foreign, outbound.StageStatus},
		{"a 407 comes from a proxy", 407, "", Foreign, outbound.StageStatus},
		{"a 511 comes from a network that wants a login", 511, "<html>canary", Foreign, outbound.StageStatus},
		{"temporarily_unavailable is not the app's fault", 400, oauth("temporarily_unavailable"), Unavailable, outbound.StageStatus},
		{"server_error is not the app's fault", 400, oauth("server_error"), Unavailable, outbound.StageStatus},
		{"slow_down is a rate limit", 400, oauth("slow_down"), RateLimited, outbound.StageStatus},
		{"a 429 is a rate limit", 429, oauth("invalid_client"), RateLimited, outbound.StageStatus},
		{"a 500 is a fault of IMS", 500, oauth("invalid_client"), Unavailable, outbound.StageStatus},
		{"a 504 that IMS sends is no timeout of ours", 504, "", Unavailable, outbound.StageStatus},
		{"a 201 is no token", 201, goodBody, Foreign, outbound.StageStatus},
		{"a 204 is no token", 204, "", Foreign, outbound.StageStatus},
		{"an OAuth error in a 200 makes no sense", 200, oauth("invalid_client"), Malformed, outbound.StageDecode},
		{"a 200 without an access token makes no sense", 200, `{}`, Malformed, outbound.StageDecode},
		{"a 200 that isn't JSON makes no sense", 200, "<html>canary", Malformed, outbound.StageDecode},
		{"text after the JSON makes no sense", 200, goodBody + "canary", Malformed, outbound.StageDecode},
		{"two JSON objects make no sense", 200, goodBody + goodBody, Malformed, outbound.StageDecode},
		{"UTF-16 makes no sense", 200, "\xfe\xff" + strings.ReplaceAll(goodBody, "", "\x00"), Malformed, outbound.StageDecode},
		{"an empty 200 makes no sense", 200, "", Malformed, outbound.StageDecode},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			failure := mustFail(t, mustClient(t, appOptions(serve(t, answering(c.status, c.body)).URL)))
			require.Equal(t, c.kind, failure.Kind)
			require.Equal(t, c.stage, failure.Stage)
			require.Equal(t, c.status, failure.Status)
		})
	}
}

func TestTheDescriptionOfIMSIsOnlyForThoseWhoKnowTheSecret(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_scope","error_description":"Not on\u0000 the app."}`)
	})
	failure := mustFail(t, mustClient(t, appOptions(server.URL)))
	require.Equal(t, "invalid_scope", failure.Code)
	require.Equal(t, 7*time.Second, failure.RetryAfter)
	id := " (correlation id " + failure.CorrelationID + ")"
	require.Equal(t, "IMS rejected the token request (status 400): invalid_scope"+id, failure.Error())
	require.Equal(t, "IMS rejected the token request (status 400): invalid_scope: Not on the app."+id, failure.Described())
	require.NoError(t, errors.Unwrap(failure))

	failure.Description = ""
	require.Equal(t, failure.Error(), failure.Described())
}

func TestTheTextFitsTheStageAndNamesTheURL(t *testing.T) {
	t.Parallel()
	failing := serve(t, answering(http.StatusServiceUnavailable, "canary")).URL
	sorry := serve(t, answering(http.StatusBadRequest, `{"error":"temporarily_unavailable"}`)).URL
	limited := serve(t, answering(http.StatusTooManyRequests, "canary")).URL
	redirected := serve(t, answering(http.StatusFound, "canary")).URL
	page := serve(t, answering(http.StatusForbidden, "canary")).URL
	senseless := serve(t, answering(http.StatusOK, "canary")).URL
	login := serve(t, answering(http.StatusOK, "\n<!DOCTYPE html>canary")).URL
	empty := serve(t, answering(http.StatusOK, "\n")).URL
	closing := "http://" + listen(t, func(_ int, conn net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(conn)) })
	silent := "http://" + listen(t, func(_ int, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	for url, want := range map[string]string{
		"http://127.0.0.1:1": "could not reach IMS at URL (stage connect): the connection was refused",
		login: "IMS at URL did not return a token (stage decoding): the answer is a web page," +
			" such as one from a proxy or a login form",
		empty:      "IMS at URL did not return a token (stage decoding): the answer is empty",
		failing:    "IMS at URL failed, or a gateway in front of it did (status 503)",
		sorry:      "IMS at URL is temporarily unavailable (status 400): temporarily_unavailable",
		limited:    "IMS is rate-limiting token requests (status 429); it doesn't say for how long",
		redirected: "something other than IMS answered at URL (status 302): redirects are not followed",
		page:       "something other than IMS answered at URL (status 403): the answer is neither a token nor an OAuth error",
		senseless:  "IMS at URL did not return a token (stage decoding): it isn't the JSON of RFC 6749 section 5.1",
		closing:    "IMS at URL did not return a usable answer (stage waiting for the answer): the connection was closed",
		silent:     "IMS at URL did not answer within 100ms (stage waiting for the answer)",
	} {
		o := appOptions(url + "/connect/token/")
		o.Timeout = 100 * time.Millisecond
		failure := mustFail(t, mustClient(t, o))
		require.Contains(t, failure.Error(), strings.Replace(want, "URL", url+"/connect/token", 1))
		require.Equal(t, appID, failure.ClientID)
	}
}

func TestTheURLOfAnErrorIsShortAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, host := range []string{strings.Repeat("x", 2_000) + ".invalid", strings.Repeat("x", 60) + "canary-secret.invalid"} {
		o := appOptions("https://" + host)
		o.ClientSecret = secret.New("canary-secret")
		failure := mustFail(t, mustClient(t, o))
		require.Equal(t, outbound.StageDNS, failure.Stage)
		require.Less(t, len(failure.Error()), 600)
	}
}

func TestTheLimitCoversEveryStage(t *testing.T) {
	t.Parallel()
	silence := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	begin := func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")
		silence(conn)
	}
	cases := []struct {
		name, scheme string
		handle       func(net.Conn)
		stage        outbound.Stage
	}{
		{"a silent TLS server", "https://", silence, outbound.StageTLS},
		{"a server that never answers", "http://", silence, outbound.StageWait},
		{"a body that never ends", "http://", begin, outbound.StageRead},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := appOptions(c.scheme + listen(t, func(_ int, conn net.Conn) { c.handle(conn) }))
			o.Timeout = 50 * time.Millisecond
			failure := mustFail(t, mustClient(t, o))
			require.Equal(t, TimedOut, failure.Kind)
			require.Equal(t, c.stage, failure.Stage)
			require.Equal(t, o.Timeout, failure.Limit)
		})
	}
}

func TestAnErrorPageThatNeverEndsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	address := listen(t, func(_ int, conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 900\r\n\r\n<")
		_, _ = io.Copy(io.Discard, conn)
	})
	require.Equal(t, Unavailable, mustFail(t, mustClient(t, appOptions("http://"+address))).Kind)
}

func TestTheCallersCancellationIsNotTheLimit(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	address := listen(t, func(_ int, conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		close(asked)
		_, _ = io.Copy(io.Discard, conn)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	failure := mustFailIn(ctx, t, mustClient(t, appOptions("http://"+address)))
	require.Equal(t, TimedOut, failure.Kind)
	require.Zero(t, failure.Limit)
	require.Contains(t, failure.Error(), "the caller canceled")
}

func TestTheCallersDeadlineIsALimitAsTheTimeoutIs(t *testing.T) {
	t.Parallel()
	address := listen(t, func(_ int, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	failure := mustFailIn(ctx, t, mustClient(t, appOptions("http://"+address)))
	require.Equal(t, TimedOut, failure.Kind)
	require.Equal(t, outbound.StageWait, failure.Stage)
	require.Equal(t, 100*time.Millisecond, failure.Limit)
}

func TestABodyOverOneMiBIsMalformed(t *testing.T) {
	t.Parallel()
	padding := strings.Repeat(" ", outbound.MaxBody-len(goodBody))
	mustGrant(t, appOptions(serve(t, answering(http.StatusOK, goodBody+padding)).URL))

	failure := mustFail(t, mustClient(t, appOptions(serve(t, answering(http.StatusOK, goodBody+padding+" ")).URL)))
	require.Equal(t, Malformed, failure.Kind)
	require.Equal(t, outbound.StageRead, failure.Stage)
}

func TestACompressedAnswerCountsAsAnyOther(t *testing.T) {
	t.Parallel()
	packers := map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	}
	for coding, packer := range packers {
		packed := func(status int, body string) Options {
			return appOptions(serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", coding)
				w.WriteHeader(status)
				var buffer bytes.Buffer
				packing := packer(&buffer)
				_, _ = io.WriteString(packing, body)
				_ = packing.Close()
				_, _ = w.Write(buffer.Bytes())
			}).URL)
		}
		require.Equal(t, time.Hour, mustGrant(t, packed(http.StatusOK, "\ufeff"+goodBody)).Lifetime, coding)
		failure := mustFail(t, mustClient(t, packed(http.StatusUnauthorized, `{"error":"invalid_client"}`)))
		require.Equal(t, Refused, failure.Kind, coding)
	}
	for status, kind := range map[int]Kind{http.StatusOK: Malformed, http.StatusUnauthorized: Foreign} {
		brotli := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			answering(status, "\x8b\x02\x80{}\x03")(w, r)
		})
		failure := mustFail(t, mustClient(t, appOptions(brotli.URL)))
		require.Equal(t, kind, failure.Kind)
		require.Equal(t, "the answer is compressed with br, although no compression was requested", failure.Detail)
	}
}
