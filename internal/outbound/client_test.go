package outbound

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/nettest"
)

type http2Server struct{ *httptest.Server }

func newHTTP2Server(t *testing.T, http2 bool, handler http.HandlerFunc) http2Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = http2
	server.StartTLS()
	t.Cleanup(server.Close)
	return http2Server{server}
}

func (s http2Server) options() Options {
	o := options()
	o.CACert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	return o
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestEveryRequestCarriesTheSameHeaders(t *testing.T) {
	t.Parallel()
	var header http.Header
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) { header = r.Header })
	o := options()
	o.UserAgent = "engine/1.0"
	answer, failure := ask(t, newClient(t, o, nil), address)
	require.Nil(t, failure)
	require.Equal(t, "identity", header.Get("Accept-Encoding"))
	require.Equal(t, "engine/1.0", header.Get("User-Agent"))
	require.Equal(t, answer.CorrelationID, header.Get("X-Correlation-Id"))
	require.Len(t, answer.CorrelationID, 36)
	require.NotContains(t, header, "Idempotency-Key")
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the request was carried to %s", r.Host) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		address := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, status) })
		answer, failure := ask(t, newClient(t, options(), nil), address)
		require.Nil(t, failure)
		require.Equal(t, status, answer.Status)
	}
}

func TestAClientIsNotMadeForAHostThatIsNotAllowed(t *testing.T) {
	t.Parallel()
	o := options()
	o.AllowedHosts, _ = ParseAllowedHosts("*.bentley.com")
	_, err := NewClient("https://ims.bentley.com", o)
	require.NoError(t, err)
	_, err = NewClient("http://127.0.0.1:9978/agent/v1/quit", o)
	require.ErrorAs(t, err, new(*HostError))
}

func pack(t *testing.T, coding, text string) string {
	t.Helper()
	var packed bytes.Buffer
	var packer io.WriteCloser = gzip.NewWriter(&packed)
	if coding == "deflate" {
		bare, err := flate.NewWriter(&packed, flate.BestSpeed)
		require.NoError(t, err)
		packer = bare
	}
	_, err := io.WriteString(packer, text)
	require.NoError(t, err)
	require.NoError(t, packer.Close())
	return packed.String()
}

func TestABodyIsUnpackedWithinOneMiB(t *testing.T) {
	t.Parallel()
	zipped := pack(t, "gzip", "{}")
	cases := []struct{ name, coding, body, want, damage string }{
		{"as it is", "", "{}", "{}", ""},
		{"identity", "identity", "{}", "{}", ""},
		{"a byte order mark", "", "\ufeff{}", "{}", ""},
		{"gzip", "gzip", zipped, "{}", ""},
		{"gzip in capitals", "GZIP", zipped, "{}", ""},
		{"x-gzip", "x-gzip", zipped, "{}", ""},
		{"deflate without zlib", "deflate", pack(t, "deflate", "{}"), "{}", ""},
		{"two codings", "gzip, gzip", pack(t, "gzip", zipped), "{}", ""},
		{"nothing that is said to be packed", "gzip", "", "", ""},
		{"gzip that was unpacked on its way", "gzip", "\ufeff{}", "{}", ""},
		{"a charset in place of a coding", "UTF-8", "{}", "{}", ""},
		{"none", "none", "{}", "{}", ""},
		{"one MiB", "gzip", pack(t, "gzip", strings.Repeat(" ", MaxBody)), strings.Repeat(" ", MaxBody), ""},
		{"over one MiB unpacked", "gzip", pack(t, "gzip", strings.Repeat(" ", MaxBody+1)), "", "larger than 1 MiB when unpacked"},
		{"over one MiB", "", strings.Repeat(" ", MaxBody+1), "", "larger than 1 MiB"},
		{"gzip that isn't", "gzip", "canary", "", "can't be unpacked as gzip"},
		{"gzip that is cut off", "gzip", zipped[:len(zipped)-6], "", "can't be unpacked as gzip"},
		{"brotli", "br", "canary", "", "compressed with br, although no compression was requested"},
		{"a coding that nobody knows", "canary", "canary", "", "an unknown Content-Encoding"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			answer, failure := ask(t, newClient(t, options(), nil), serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", c.coding)
				_, _ = io.WriteString(w, c.body)
			}))
			require.Nil(t, failure)
			require.Equal(t, c.want, string(answer.Body))
			if c.damage == "" {
				require.Nil(t, answer.Damage)
				return
			}
			require.Contains(t, answer.Damage.Detail, c.damage)
			require.NotContains(t, answer.Damage.Detail, "canary")
		})
	}
}

// TestABombIsNotUnpackedWhole runs by itself: it weighs what is allocated.
func TestABombIsNotUnpackedWhole(t *testing.T) { //nolint:paralleltest // others would count as well
	bomb := []byte(pack(t, "gzip", strings.Repeat(" ", 64<<20)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, damage := unpack(bomb, "gzip")
	runtime.ReadMemStats(&after)
	require.NotNil(t, damage)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
}

// flooding reads one request, writes once, and then the same again and again.
func flooding(first, again string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, err := io.WriteString(conn, first)
		for err == nil {
			_, err = io.WriteString(conn, again)
		}
	}
}

func TestAnAnswerThatBreaksHTTPFailsAtItsStage(t *testing.T) {
	t.Parallel()
	const (
		head    = "HTTP/1.1 200 OK\r\n"
		chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
	)
	for name, c := range map[string]struct {
		handle func(net.Conn)
		stage  Stage
	}{
		"a header without a colon":         {nettest.Answer(head + "canary\r\n\r\n{}"), StageRead},
		"a negative length":                {nettest.Answer(head + "Content-Length: -1\r\n\r\n{}"), StageRead},
		"a status that is no number":       {nettest.Answer("HTTP/1.1 canary OK\r\n\r\n{}"), StageRead},
		"a chunk longer than can be":       {nettest.Answer(chunked + "fffffffffffffffff\r\n{}"), StageRead},
		"a body shorter than its length":   {nettest.Answer(head + "Content-Length: 9\r\n\r\n{}"), StageRead},
		"headers that never end":           {flooding(head, "X-Canary: canary\r\n"), StageRead},
		"a status line that never ends":    {flooding("HTTP/1.1 200 ", "canary"), StageRead},
		"a server that hangs up at once":   {func(net.Conn) {}, ""},
		"a server that speaks out of turn": {nettest.Answer("220 canary ESMTP\r\n"), StageRead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failure := mustFail(t, newClient(t, options(), nil), "http://"+nettest.Listen(t, c.handle))
			require.False(t, failure.TimedOut)
			if c.stage != "" {
				require.Equal(t, c.stage, failure.Stage)
			}
		})
	}
}

func TestChunksWithoutEndAreReadToOneMiB(t *testing.T) {
	t.Parallel()
	address := nettest.Listen(t, flooding("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "6\r\ncanary\r\n"))
	answer, failure := ask(t, newClient(t, options(), nil), "http://"+address)
	require.Nil(t, failure)
	require.Contains(t, answer.Damage.Detail, "larger than 1 MiB")
	require.Empty(t, answer.Body)
}

func TestAServerThatReadsNothingIsNotWaitedForBeyondTheLimit(t *testing.T) {
	t.Parallel()
	o := options()
	o.Timeout = 50 * time.Millisecond
	hanging := make(chan struct{})
	t.Cleanup(func() { close(hanging) })
	address := nettest.Listen(t, func(net.Conn) { <-hanging })
	body := strings.NewReader(strings.Repeat("x", 64<<20)) // more than the kernel buffers
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address, body)
	require.NoError(t, err)
	_, failure := newClient(t, o, nil).Do(request, nil)
	require.NotNil(t, failure)
	require.True(t, failure.TimedOut)
}

func TestAHostWithoutAnAnswerFailsAtItsStage(t *testing.T) {
	t.Parallel()
	nameless := newClient(t, options(), nil)
	nameless.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "canary", Name: "ims.invalid", IsNotFound: true}}
	}
	failure := mustFail(t, nameless, "https://ims.invalid")
	require.Equal(t, StageDNS, failure.Stage)
	require.Equal(t, "the host name doesn't resolve", failure.Detail)

	closed := httptest.NewServer(nil)
	closed.Close()
	failure = mustFail(t, newClient(t, options(), nil), closed.URL)
	require.Equal(t, StageConnect, failure.Stage)
	require.Contains(t, failure.Detail, "refused")

	o := options()
	o.Timeout = 300 * time.Millisecond
	failure = mustFail(t, newClient(t, o, nil), "http://"+nettest.Listen(t, nettest.Drain))
	require.True(t, failure.TimedOut)
	require.Equal(t, StageWait, failure.Stage)
	require.Equal(t, o.Timeout, failure.Limit)
}
