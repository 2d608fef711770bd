package ims

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

func TestEveryStatusHasItsKind(t *testing.T) {
	t.Parallel()
	oauthError := `{"error":"invalid_client","error_description":"Invalid client."}`
	cases := []struct {
		name   string
		status int
		body   string
		kind   Kind
		stage  outbound.Stage
	}{
		{"an OAuth error in a 400 is a refusal", 400, oauthError, Refused, outbound.StageStatus},
		{"an OAuth error in a 401 is a refusal", 401, oauthError, Refused, outbound.StageStatus},
		{"an OAuth error in a 429 is a rate limit", 429, oauthError, RateLimited, outbound.StageStatus},
		{"an OAuth error in a 500 is not IMS's word", 500, oauthError, Unreachable, outbound.StageStatus},
		{"an HTML page in a 403 comes from something in between", 403, "<html>canary", Unreachable, outbound.StageStatus},
		{"JSON of another shape in a 404 is no refusal", 404, `{"error":{"code":"canary"}}`, Unreachable, outbound.StageStatus},
		{"a 504 that IMS sends is no timeout of ours", 504, "", Unreachable, outbound.StageStatus},
		{"a 201 is no token", 201, goodBody, Unreachable, outbound.StageStatus},
		{"a 204 is no token", 204, "", Unreachable, outbound.StageStatus},
		{"an OAuth error in a 200 makes no sense", 200, oauthError, Malformed, outbound.StageDecode},
		{"a 200 without an access token makes no sense", 200, `{}`, Malformed, outbound.StageDecode},
		{"a 200 that isn't JSON makes no sense", 200, "<html>canary", Malformed, outbound.StageDecode},
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

func TestARefusalCarriesTheWordsOfIMS(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_scope","error_description":"Not on\u0000 the app."}`)
	})
	failure := mustFail(t, mustClient(t, appOptions(server.URL)))
	require.Equal(t, "invalid_scope", failure.Code)
	require.Equal(t, "Not on the app.", failure.Description)
	require.Equal(t, 7*time.Second, failure.RetryAfter)
	require.Contains(t, failure.Error(), "IMS refuses the exchange with status 400: invalid_scope: Not on the app. (correlation id ")
	require.NoError(t, errors.Unwrap(failure))
}

func TestTheTextFitsTheStageAndNamesTheHost(t *testing.T) {
	t.Parallel()
	answered := serve(t, answering(http.StatusServiceUnavailable, "canary")).URL
	redirected := serve(t, answering(http.StatusFound, "canary")).URL
	page := serve(t, answering(http.StatusForbidden, "canary")).URL
	senseless := serve(t, answering(http.StatusOK, "canary")).URL
	closing := "http://" + listen(t, func(_ int, conn net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(conn)) })
	silent := "http://" + listen(t, func(_ int, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	for url, want := range map[string]string{
		"http://127.0.0.1:1": "IMS at HOST can't be reached, stage connect: the connection was refused",
		answered:             "IMS at HOST answers with status 503, stage HTTP status: it fails, or a gateway in front of it does",
		redirected:           "IMS at HOST answers with status 302, stage HTTP status: redirects are not followed",
		page:                 "IMS at HOST answers with status 403, stage HTTP status: the answer is neither a token nor an OAuth error",
		senseless:            "the answer of IMS at HOST is no token, stage decoding: it isn't the JSON of RFC 6749",
		closing:              "IMS at HOST gives no answer that can be used, stage waiting for the answer: the connection was closed",
		silent:               "IMS at HOST gave no answer within 100ms, stage waiting for the answer",
	} {
		o := appOptions(url + "/canary/connect/token")
		o.RequestTimeout = 100 * time.Millisecond
		failure := mustFail(t, mustClient(t, o))
		require.Contains(t, failure.Error(), strings.Replace(want, "HOST", strings.TrimPrefix(url, "http://"), 1))
		require.Equal(t, appID, failure.ClientID)
	}
}

func TestTheHostOfAnErrorIsShortAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, host := range []string{strings.Repeat("x", 10_000) + ".invalid", strings.Repeat("x", 60) + "canary-secret.invalid"} {
		o := appOptions("https://" + host)
		o.ClientSecret = secret.New("canary-secret")
		failure := mustFail(t, mustClient(t, o))
		require.Contains(t, failure.Error(), "stage DNS")
		require.Less(t, len(failure.Error()), 600)
	}
}

func TestTheNetworkStageIsNamed(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		handle func(net.Conn)
		stage  outbound.Stage
	}{
		{"a connection closed without an answer", func(conn net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(conn)) }, outbound.StageWait},
		{"a body shorter than announced", func(conn net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")
		}, outbound.StageRead},
		{"an answer that isn't HTTP", func(conn net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, "SSH-2.0-canary\r\n\r\n")
		}, outbound.StageRead},
		{"headers over 64 KiB", func(conn net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Canary: "+strings.Repeat("canary", 20_000)+"\r\n\r\n")
		}, outbound.StageRead},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := listen(t, func(_ int, conn net.Conn) { c.handle(conn) })
			failure := mustFail(t, mustClient(t, appOptions("http://"+address)))
			require.Equal(t, Unreachable, failure.Kind)
			require.Equal(t, c.stage, failure.Stage, failure.Error())
		})
	}
}

func TestARefusedConnectionFailsAtConnect(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	failure := mustFail(t, mustClient(t, appOptions(server.URL)))
	require.Equal(t, Unreachable, failure.Kind)
	require.Equal(t, outbound.StageConnect, failure.Stage)
	require.Contains(t, failure.Error(), "refused")
}

func TestAnUnknownNameFailsAtDNS(t *testing.T) {
	t.Parallel()
	client := mustClient(t, appOptions("https://ims.invalid/connect/token"))
	client.transport.Proxy = nil
	client.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "canary", Name: "ims.invalid", IsNotFound: true}}
	}
	failure := mustFail(t, client)
	require.Equal(t, Unreachable, failure.Kind)
	require.Equal(t, outbound.StageDNS, failure.Stage)
}

func TestAProxyIsNamed(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	refusing := serve(t, answering(http.StatusProxyAuthRequired, "canary"))
	for name, proxy := range map[string]string{"that is down": closed.URL, "that refuses": refusing.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := mustClient(t, appOptions("https://ims.invalid/connect/token"))
			address, err := url.Parse(proxy)
			require.NoError(t, err)
			client.transport.Proxy = http.ProxyURL(address)
			failure := mustFail(t, client)
			require.Equal(t, Unreachable, failure.Kind)
			require.Equal(t, outbound.StageProxy, failure.Stage, failure.Error())
		})
	}
}

func TestEveryTLSFailureHasItsOwnWords(t *testing.T) {
	t.Parallel()
	plain := func(*httptest.Server) {}
	old := func(s *httptest.Server) { s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12} }
	cases := []struct {
		name   string
		server func(*httptest.Server)
		adjust func(*Options, *tls.Config)
		words  string
	}{
		{"untrusted", plain, func(o *Options, _ *tls.Config) { o.CACert = "" }, "isn't signed by a trusted authority"},
		{"wrong host", plain, func(_ *Options, c *tls.Config) { c.ServerName = "other.invalid" }, "for another host name"},
		{"expired", plain, func(_ *Options, c *tls.Config) { c.Time = func() time.Time { return noon().AddDate(200, 0, 0) } }, "has expired"},
		{"too old a version", old, func(o *Options, _ *tls.Config) { o.TLSMinVersion = outbound.TLS13 }, "TLS version"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := serveTLS(t, func(s *httptest.Server) {
				s.Config.ErrorLog = log.New(io.Discard, "", 0)
				c.server(s)
			})
			o := trusting(server)
			c.adjust(&o, &tls.Config{})
			client := mustClient(t, o)
			c.adjust(&o, client.transport.TLSClientConfig)
			failure := mustFail(t, client)
			require.Equal(t, Unreachable, failure.Kind)
			require.Equal(t, outbound.StageTLS, failure.Stage)
			require.Contains(t, failure.Error(), c.words)
		})
	}
}

func TestPlainHTTPOnATLSPortIsNamed(t *testing.T) {
	t.Parallel()
	server := serve(t, answering(http.StatusOK, goodBody))
	failure := mustFail(t, mustClient(t, appOptions(strings.Replace(server.URL, "http:", "https:", 1))))
	require.Equal(t, outbound.StageTLS, failure.Stage)
	require.Contains(t, failure.Error(), "doesn't speak TLS")
}

func TestATrustedTLSServerGrants(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		server := serveTLS(t, func(s *httptest.Server) { s.EnableHTTP2 = http2 })
		o := trusting(server)
		o.TLSMinVersion = outbound.TLS13
		require.Equal(t, time.Hour, mustGrant(t, o).Lifetime)
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
			o.RequestTimeout = 50 * time.Millisecond
			failure := mustFail(t, mustClient(t, o))
			require.Equal(t, TimedOut, failure.Kind)
			require.Equal(t, c.stage, failure.Stage)
			require.Equal(t, o.RequestTimeout, failure.Limit)
			require.Contains(t, failure.Error(), "within 50ms")
		})
	}
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
	require.Contains(t, failure.Error(), "canceled by its caller")
}

func TestABodyOverOneMiBIsMalformed(t *testing.T) {
	t.Parallel()
	padding := strings.Repeat(" ", outbound.MaxBody-len(goodBody))
	mustGrant(t, appOptions(serve(t, answering(http.StatusOK, goodBody+padding)).URL))

	failure := mustFail(t, mustClient(t, appOptions(serve(t, answering(http.StatusOK, goodBody+padding+" ")).URL)))
	require.Equal(t, Malformed, failure.Kind)
	require.Equal(t, outbound.StageRead, failure.Stage)
}

func TestACompressedAnswerIsNotDecoded(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = io.WriteString(packed, goodBody)
		_ = packed.Close()
	})
	failure := mustFail(t, mustClient(t, appOptions(server.URL)))
	require.Equal(t, Malformed, failure.Kind)
	require.Equal(t, outbound.StageDecode, failure.Stage)
}
