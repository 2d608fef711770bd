package itwin

import (
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
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shown is a certificate that a hostile server shows.
type shown struct {
	host        string
	until       time.Time
	usage       x509.ExtKeyUsage
	distrusted  bool
	withVersion uint16
	demanding   bool // a certificate of the client's
}

func good() shown {
	return shown{host: "127.0.0.1", until: time.Now().Add(time.Hour), usage: x509.ExtKeyUsageServerAuth}
}

func certificates() map[string]hostility {
	showing := func(text string, change func(*shown)) hostility {
		return hostility{func(t *testing.T) endpoint {
			t.Helper()
			s := good()
			change(&s)
			return s.serve(t, http.NotFoundHandler())
		}, http.StatusBadGateway, "IMS at HOST can't be reached, stage TLS: " + text, ""}
	}
	const tooOld = "the server doesn't offer a TLS version that is allowed"
	return map[string]hostility{
		"its certificate has expired": showing("the server's certificate has expired or isn't valid yet", func(s *shown) {
			s.until = time.Now().Add(-time.Minute)
		}),
		"its certificate is self-signed": showing("the server's certificate isn't signed by a trusted authority", func(s *shown) {
			s.distrusted = true
		}),
		"its certificate is for another host": showing("the server's certificate is for another host name", func(s *shown) {
			s.host = "192.0.2.1"
		}),
		"its certificate is a client's": showing("the server's certificate isn't valid for a server", func(s *shown) {
			s.usage = x509.ExtKeyUsageClientAuth
		}),
		"it speaks TLS 1.0 only": showing(tooOld, func(s *shown) { s.withVersion = tls.VersionTLS10 }),
		"it speaks TLS 1.1 only": showing(tooOld, func(s *shown) { s.withVersion = tls.VersionTLS11 }),
		"it demands a certificate": {func(t *testing.T) endpoint {
			t.Helper()
			s := good()
			s.demanding = true
			return s.serve(t, http.NotFoundHandler())
		}, http.StatusBadGateway, "IMS at HOST gives no answer that can be used, stage", ""},
		"it speaks HTTP on its TLS port": {func(t *testing.T) endpoint {
			t.Helper()
			to := granting(goodAnswer)(t)
			return endpoint{tokenURL: strings.Replace(to.tokenURL, "http:", "https:", 1)}
		}, http.StatusBadGateway, "IMS at HOST can't be reached, stage TLS: the server doesn't speak TLS on this port", ""},
		"it is silent on its TLS port": {func(t *testing.T) endpoint {
			t.Helper()
			return endpoint{tokenURL: "https://" + listening(t, silence)}
		}, http.StatusGatewayTimeout, "IMS at HOST gave no answer within 1s, stage TLS", ""},
		"it resets an HTTP/2 stream": {func(t *testing.T) endpoint {
			t.Helper()
			return good().serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		}, http.StatusBadGateway, "IMS at HOST gives no answer that can be used, stage", ""},
		"it stalls an HTTP/2 stream": {func(t *testing.T) endpoint {
			t.Helper()
			return good().serve(t, http.HandlerFunc(dripping))
		}, http.StatusGatewayTimeout, "within 1s, stage reading the answer", ""},
	}
}

// serve starts a server with the certificate and returns where it is and what to
// trust.
func (s shown) serve(t *testing.T, handler http.Handler) endpoint {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     s.until,
		IPAddresses:  []net.IP{net.ParseIP(s.host)},
		ExtKeyUsage:  []x509.ExtKeyUsage{s.usage},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = noLog()
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   s.withVersion, MaxVersion: s.withVersion,
	}
	if s.demanding {
		server.TLS.ClientAuth = tls.RequireAnyClientCert
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	to := endpoint{tokenURL: server.URL}
	if !s.distrusted {
		to.caCert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return to
}

// addresses lead nowhere.
func addresses() map[string]hostility {
	at := func(tokenURL, text string) hostility {
		return hostility{func(*testing.T) endpoint { return endpoint{tokenURL: tokenURL} }, http.StatusBadGateway, text, ""}
	}
	return map[string]hostility{
		// A label over 63 bytes resolves nowhere, whatever name server is asked.
		"its name doesn't resolve": at("https://"+strings.Repeat("x", 64)+".invalid",
			"IMS at HOST can't be reached, stage DNS: the host name doesn't resolve"),
		"its port refuses": at("http://127.0.0.1:1", "IMS at HOST can't be reached, stage connect: the connection was refused"),
		"it accepts and is silent": {func(t *testing.T) endpoint {
			t.Helper()
			return endpoint{tokenURL: "http://" + listening(t, silence)}
		}, http.StatusGatewayTimeout, "IMS at HOST gave no answer within 1s, stage waiting for the answer", ""},
		"it accepts and reads nothing": {func(t *testing.T) endpoint {
			t.Helper()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = listener.Close() })
			return endpoint{tokenURL: "http://" + listener.Addr().String()}
		}, http.StatusGatewayTimeout, "IMS at HOST gave no answer within 1s, stage waiting for the answer", ""},
		"it talks before it is asked": {func(t *testing.T) endpoint {
			t.Helper()
			return endpoint{tokenURL: "http://" + listening(t, func(conn net.Conn) {
				_, _ = io.WriteString(conn, "220 canary ESMTP\r\n")
				silence(conn)
			})}
		}, http.StatusBadGateway, noHTTP, ""},
	}
}
