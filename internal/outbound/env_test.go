package outbound

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/nettest"
)

func options() Options { return Options{Timeout: 10 * time.Second, TLSMinVersion: TLS12} }

// newClient returns a client whose environment has these proxy variables.
func newClient(t *testing.T, o Options, environment map[string]string) *Client {
	t.Helper()
	transport, err := newTransport(o, environmentProxy(func(name string) string { return environment[name] }))
	require.NoError(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	return &Client{options: o, transport: transport}
}

func ask(t *testing.T, c *Client, address string) (Answer, *Error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	return c.Do(request, nil)
}

func mustFail(t *testing.T, c *Client, address string) *Error {
	t.Helper()
	_, failure := ask(t, c, address)
	require.NotNil(t, failure)
	require.NotContains(t, failure.Error(), "canary")
	return failure
}

// viaProxy asks a host that needs a proxy for the way, and expects a failure.
func viaProxy(t *testing.T, proxy string, timeout time.Duration) *Error {
	t.Helper()
	o := options()
	o.Timeout = timeout
	return mustFail(t, newClient(t, o, map[string]string{"HTTPS_PROXY": proxy}), "https://ims.invalid")
}

// serveTLS answers 200 behind this configuration, and returns its https address.
func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	return "https://" + nettest.Listen(t, func(conn net.Conn) {
		secured := tls.Server(conn, config)
		if secured.HandshakeContext(t.Context()) == nil {
			_, _ = http.ReadRequest(bufio.NewReader(secured))
			_, _ = io.WriteString(secured, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		nettest.Drain(conn) // an alert gets lost where the connection is closed before all was read
	})
}
