package outbound

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/nettest"
)

func TestAProxyVariableThatCannotBeParsedIsNamedAndNothingLeaves(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"http://user:p%ssCanary@127.0.0.1:3128", "user:p%ssCanary@127.0.0.1:3128", "http://user:canary#1@127.0.0.1:3128",
		"http://user:canary/1@127.0.0.1:3128", "http://user:canary?1@127.0.0.1:3128", "http//127.0.0.1:3128/canary", "http://",
		"http:///canary", "http://127.0.0.1:port", "http://127.0.0.1:", "http://127.0.0.1:99999", " http://127.0.0.1:3128",
		"http://127.0.0.1:3128\n", "socks4://127.0.0.1:1080", "ftp://127.0.0.1", "http://127.0.0.1:3128/canary", "\"http://127.0.0.1:3128\"",
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
			client := newClient(t, options(), map[string]string{name: value})
			client.transport.DialContext = nil // a dial would take another stage
			failure := mustFail(t, client, "https://ims.invalid")
			require.Equal(t, StageProxy, failure.Stage, value)
			require.Contains(t, failure.Detail, "the environment variable "+name+" isn't the URL of a proxy")
			require.NotContains(t, strings.ToLower(failure.Detail), "canary")
		}
	}
}

func TestNoProxyIsReadAsItWasMeant(t *testing.T) {
	t.Parallel()
	target, err := url.Parse("https://ims.bentley.com")
	require.NoError(t, err)
	way := func(proxy, exceptions string) (*url.URL, error) {
		environment := map[string]string{"HTTPS_PROXY": proxy, "NO_PROXY": exceptions}
		return environmentProxy(func(name string) string { return environment[name] })(target)
	}
	const proxy = "proxy.example:3128"
	for exceptions, direct := range map[string]bool{
		"": false, "other.example": false, "10.0.0.0/8,::1, [::1]:80 ,*.svc": false, "bentley.com:80": false, ",,": false,
		"*": true, "bentley.com": true, ".bentley.com": true, "*.bentley.com": true, "a.example bentley.com": true, "ims.bentley.com:443": true,
	} {
		got, err := way(proxy, exceptions)
		require.NoError(t, err, exceptions)
		require.Equal(t, direct, got == nil, exceptions)
	}
	for _, exceptions := range []string{
		"https://bentley.example", "10.0.0.0/99", "*bentley.example", ":443", "a@b", ".", "bentley.example:https",
	} {
		_, err := way(proxy, exceptions)
		require.ErrorContains(t, err, "the environment variable NO_PROXY has an entry", exceptions)
		_, err = way("", exceptions)
		require.NoError(t, err, "it matters only where there is a proxy")
	}
	target.Host = "[2001:db8::1]"
	for _, exceptions := range []string{"2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "2001:db8::/32"} {
		got, err := way(proxy, exceptions)
		require.NoError(t, err, exceptions)
		require.Nil(t, got, exceptions)
	}
	target.Host = "ims.bentley.com"
	got, err := way("http://user:p%ss@proxy.example", "bentley.com")
	require.NoError(t, err, "nobody needs this proxy on the way to ims.bentley.com")
	require.Nil(t, got)
	for _, proxy := range []string{proxy, "http://" + proxy + "/", "https://u:p%25@" + proxy, "socks5://" + proxy, "socks5h://" + proxy} {
		got, err := way(proxy, "")
		require.NoError(t, err)
		require.Equal(t, "proxy.example:3128", got.Host)
	}
}

func TestAProxyThatFailsHasAStageOfItsOwn(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	secured := newHTTP2Server(t, false, func(http.ResponseWriter, *http.Request) {})
	reset := func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }
	listen := func(handle func(net.Conn)) string { return nettest.Listen(t, handle) }
	answering := func(raw string) string { return "http://" + listen(nettest.Answer(raw)) }
	cases := []struct{ name, proxy, words string }{
		{"that is down", closed.URL, "the connection was refused"},
		{"that doesn't resolve", "http://proxy.invalid:3128", ""},
		{"that closes", answering(""), "closed the connection instead of answering"},
		{"that resets", "http://" + listen(reset), "closed the connection instead of answering"},
		{"that speaks SSH", answering("SSH-2.0-canary\r\n\r\n"), "doesn't speak HTTP"},
		{"that wants a password", answering("HTTP/1.1 407 Canary\r\n\r\n"), "requires a user name and password"},
		{
			"that wants a password by NTLM",
			answering("HTTP/1.1 407 Canary\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM canary\r\n\r\n"),
			"doesn't offer Basic authentication",
		},
		{
			"that takes a password by Basic as well",
			answering("HTTP/1.1 407 Canary\r\nProxy-Authenticate: NTLM, Basic realm=\"canary\"\r\n\r\n"),
			"requires a user name and password",
		},
		{"that forbids", answering("HTTP/1.1 403 Canary\r\n\r\n"), "isn't allowed to connect to this host (status 403)"},
		{"that reaches nobody", answering("HTTP/1.1 502 Canary\r\n\r\n"), "can't reach the host (status 502)"},
		{"that answers something else", answering("HTTP/1.1 204 Canary\r\n\r\n"), "refused the connection (status 204)"},
		{"without TLS behind https", "https://" + listen(nettest.Answer("HTTP/1.1 400 Canary\r\n\r\n")), ""},
		{"that speaks plain HTTP behind https", "https://" + listen(func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 9))
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Canary\r\n\r\n")
			nettest.Drain(conn)
		}), "the proxy doesn't speak TLS"},
		{"that nobody trusts", secured.URL, "the proxy's certificate isn't signed by a trusted authority"},
		{"SOCKS that closes", "socks5://" + listen(func(net.Conn) {}), "the SOCKS proxy closed"},
		{"SOCKS that refuses", "socks5://" + listen(socks("\x05\x00", socksReply(2))), "isn't allowed to connect to this host"},
		{"SOCKS that reaches nobody", "socks5://" + listen(socks("\x05\x00", socksReply(4))), "can't reach the host"},
		{"SOCKS that wants a password", "socks5://" + listen(socks("\x05\xff", "")), "requires a user name and password"},
		{"SOCKS that refuses a password", "socks5://u:canary@" + listen(socks("\x05\x02", "\x01\x01")), "rejected the user name and password"},
		{"that speaks HTTP behind socks5", "socks5://" + listen(socks("HTTP/1.1 400 Canary\r\n\r\n", "")), "the proxy doesn't speak SOCKS5"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			failure := viaProxy(t, c.proxy, 5*time.Second)
			require.Equal(t, StageProxy, failure.Stage, failure.Error())
			require.Contains(t, failure.Reason(), c.words)
			require.NotContains(t, strings.ToLower(failure.Detail), "canary")
		})
	}
}

// socksReply refuses with a code of RFC 1928 section 6.
func socksReply(code byte) string {
	return "\x05" + string([]byte{code}) + "\x00\x01" + strings.Repeat("\x00", 6)
}

// socks answers the greeting and, if there is a second answer, the next message.
func socks(greeting, second string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 64))
		_, _ = io.WriteString(conn, greeting)
		if second != "" {
			_, _ = conn.Read(make([]byte, 512))
			_, _ = io.WriteString(conn, second)
		}
		nettest.Drain(conn)
	}
}

func TestASilentProxyIsWhatTheRequestWaitsFor(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https", "socks5"} {
		failure := viaProxy(t, scheme+"://"+nettest.Listen(t, nettest.Drain), 100*time.Millisecond)
		require.True(t, failure.TimedOut)
		require.Equal(t, StageProxy, failure.Stage, scheme)
	}
}

// tunnel is a proxy that connects every request to one address.
func tunnel(t *testing.T, to string) string {
	t.Helper()
	return "http://" + nettest.Listen(t, func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		onward, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", to)
		if err != nil {
			return
		}
		defer func() { _ = onward.Close() }()
		go func() { _, _ = io.Copy(onward, conn) }()
		_, _ = io.Copy(conn, onward)
	})
}

func TestWhatFailsBehindAProxyIsNotTheProxysFault(t *testing.T) {
	t.Parallel()
	ca := nettest.NewAuthority(t)
	certificate := ca.Sign(t, func(c *x509.Certificate) { c.DNSNames = []string{"ims.invalid"} })
	address := strings.TrimPrefix(serveTLS(t, &tls.Config{Certificates: []tls.Certificate{certificate}}), "https://")
	for trust, stage := range map[string]Stage{"": StageTLS, ca.PEM: ""} {
		o := options()
		o.CACert = trust
		client := newClient(t, o, map[string]string{"HTTPS_PROXY": tunnel(t, address)})
		_, failure := ask(t, client, "https://ims.invalid")
		if stage == "" {
			require.Nil(t, failure)
			continue
		}
		require.Equal(t, stage, failure.Stage)
	}
	o := options()
	o.Timeout = 100 * time.Millisecond
	client := newClient(t, o, map[string]string{"HTTPS_PROXY": tunnel(t, nettest.Listen(t, nettest.Drain))})
	failure := mustFail(t, client, "https://ims.invalid")
	require.Equal(t, StageTLS, failure.Stage)
	require.Equal(t, "tlsmlkem=0", failure.GODEBUG, "a ClientHello that is dropped")
}
