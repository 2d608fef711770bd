package outbound

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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

// listen gives every connection to handle, and closes it after.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// answers reads one request, writes raw, and waits until the other end hangs up.
func answers(raw string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, raw)
	}
}

// authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	return newAuthorityLike(t, rootTemplate())
}

func newAuthorityLike(t *testing.T, template *x509.Certificate) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{key, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

func rootTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

// sign returns a server's certificate that adjust has changed before it was signed.
func (a authority) sign(t *testing.T, adjust func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	adjust(template)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serveTLS answers 200 behind this configuration, and returns its https address.
func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	return "https://" + listen(t, func(conn net.Conn) {
		secured := tls.Server(conn, config)
		if secured.HandshakeContext(t.Context()) == nil {
			_, _ = http.ReadRequest(bufio.NewReader(secured))
			_, _ = io.WriteString(secured, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		drain(conn) // an alert gets lost where the connection is closed before all was read
	})
}
