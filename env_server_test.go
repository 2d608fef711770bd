package itwin

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/ims"
)

// answering is an IMS that answers every exchange this way.
func answering(handler http.HandlerFunc) func(*testing.T) endpoint {
	return func(t *testing.T) endpoint {
		t.Helper()
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return endpoint{tokenURL: ims.TokenURL(server.URL)}
	}
}

// granting is an IMS that says 200 with a body.
func granting(body string) func(*testing.T) endpoint {
	return answering(saying(http.StatusOK, body))
}

// wired is an IMS that reads the request and then has the connection to itself,
// to write whatever no HTTP server would.
func wired(handle func(net.Conn)) func(*testing.T) endpoint {
	return func(t *testing.T) endpoint {
		t.Helper()
		return endpoint{tokenURL: "http://" + listening(t, func(conn net.Conn) {
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			handle(conn)
		})}
	}
}

// listening hands every connection to handle and closes it after.
func listening(t *testing.T, handle func(net.Conn)) (address string) {
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

// silence waits until the client hangs up.
func silence(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// writing writes once, and then hangs up.
func writing(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

// stalling writes once, and then says nothing more.
func stalling(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		silence(conn)
	}
}

// endless writes once, and then the same again and again until the client hangs up.
func endless(first, again string) func(net.Conn) {
	return func(conn net.Conn) {
		_, err := io.WriteString(conn, first)
		for err == nil {
			_, err = io.WriteString(conn, again)
		}
	}
}

// resetting writes once and then resets the connection.
func resetting(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}

// certified is a server with a certificate of its own, which clients trust.
type certified struct {
	usage     x509.ExtKeyUsage
	demanding bool // of a client's certificate
}

func valid() certified { return certified{usage: x509.ExtKeyUsageServerAuth} }

func (c certified) serving(handler http.Handler) func(*testing.T) endpoint {
	return func(t *testing.T) endpoint {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1),
			NotBefore:    time.Now().Add(-time.Hour),
			NotAfter:     time.Now().Add(time.Hour),
			IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage:  []x509.ExtKeyUsage{c.usage},
			IsCA:         true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(t, err)
		server := httptest.NewUnstartedServer(handler)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.EnableHTTP2 = true
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		if c.demanding {
			server.TLS.ClientAuth = tls.RequireAnyClientCert
		}
		server.StartTLS()
		t.Cleanup(server.Close)
		return endpoint{tokenURL: server.URL, caCert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
	}
}
