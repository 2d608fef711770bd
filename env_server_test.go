package itwin

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/nettest"
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
		return endpoint{tokenURL: "http://" + nettest.Listen(t, func(conn net.Conn) {
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			handle(conn)
		})}
	}
}

// writing writes once, and then hangs up.
func writing(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

// stalling writes once, and then says nothing more.
func stalling(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		nettest.Drain(conn)
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
		ca := nettest.NewAuthority(t)
		certificate := ca.Sign(t, func(template *x509.Certificate) { template.ExtKeyUsage = []x509.ExtKeyUsage{c.usage} })
		server := httptest.NewUnstartedServer(handler)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.EnableHTTP2 = true
		server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		if c.demanding {
			server.TLS.ClientAuth = tls.RequireAnyClientCert
		}
		server.StartTLS()
		t.Cleanup(server.Close)
		return endpoint{tokenURL: server.URL, caCert: ca.PEM}
	}
}
