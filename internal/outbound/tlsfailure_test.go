package outbound

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/nettest"
)

func TestEveryDistrustedCertificateHasItsReason(t *testing.T) {
	t.Parallel()
	trusted, other := nettest.NewAuthority(t), nettest.NewAuthority(t)
	cases := []struct {
		name   string
		signer nettest.Authority
		adjust func(*x509.Certificate)
		words  string
	}{
		{"by another authority", other, func(*x509.Certificate) {}, "isn't signed by a trusted authority"},
		{"for another host", trusted, func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames = nil, []string{"canary"}
		}, "is for another host name"},
		{"without a SAN", trusted, func(c *x509.Certificate) {
			c.IPAddresses, c.Subject.CommonName = nil, "127.0.0.1"
		}, "no subject alternative name"},
		{"expired", trusted, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "has expired"},
		{"not valid yet", trusted, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, "isn't valid yet"},
		{"for clients", trusted, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}, "isn't valid for a server"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.CACert = trusted.PEM
			failure := mustFail(t, newClient(t, o, nil), serveTLS(t, &tls.Config{Certificates: []tls.Certificate{c.signer.Sign(t, c.adjust)}}))
			require.Equal(t, StageTLS, failure.Stage)
			require.Contains(t, failure.Detail, c.words)
		})
	}
}

func TestAnAuthorityThatDoesNotCountHasItsReason(t *testing.T) {
	t.Parallel()
	named := func(c *x509.Certificate) { c.Subject.CommonName = "canary" }
	expired := nettest.NewAuthority(t, named, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	weak := nettest.NewAuthority(t, named, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature
	})
	for name, c := range map[string]struct {
		signer, trusted nettest.Authority
		words           string
	}{
		"expired": {expired, expired, "is signed by an authority whose own certificate has expired"},
		"replaced by another key": {
			nettest.NewAuthority(t, named), nettest.NewAuthority(t, named), "the CA with that name has a different key",
		},
		"not an authority": {weak, weak, "the issuer's certificate isn't a valid CA certificate"},
	} {
		o := options()
		o.CACert = c.trusted.PEM
		failure := mustFail(t, newClient(t, o, nil), serveTLS(t, &tls.Config{Certificates: []tls.Certificate{c.signer.Sign(t)}}))
		require.Contains(t, failure.Detail, c.words, name)
	}
}

func TestAHandshakeThatFailsNamesItsKindAndCure(t *testing.T) {
	t.Parallel()
	ca := nettest.NewAuthority(t)
	certificate := ca.Sign(t)
	serving := func(adjust func(*tls.Config)) string {
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		adjust(config)
		return serveTLS(t, config)
	}
	reset := func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 1400))
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	cases := []struct {
		name, address, minVersion, words, cure string
	}{
		{"TLS 1.1 alone", serving(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}), TLS12, "TLS version that tls_min_version allows", ""},
		{"TLS 1.2 alone", serving(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), TLS13, "TLS version that tls_min_version allows", ""},
		{"RSA key exchange alone", serving(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}), TLS12, "handshake failure", "tlsrsakex=1"},
		{"a client certificate in TLS 1.2", serving(func(c *tls.Config) {
			c.MaxVersion, c.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert
		}), TLS12, "requires a client certificate", ""},
		{"a client certificate in TLS 1.3, after the handshake", serving(func(c *tls.Config) {
			c.ClientAuth = tls.RequireAnyClientCert
		}), TLS13, "requires a client certificate", ""},
		{"a client certificate in TLS 1.3, by an alert that is lost with the connection", "https://" + nettest.Listen(t, func(conn net.Conn) {
			config := &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert}
			_ = tls.Server(conn, config).HandshakeContext(t.Context())
			_ = conn.(*net.TCPConn).SetLinger(0)
		}), TLS13, "closed the connection after asking for a client certificate", ""},
		{"a protocol that isn't offered", serving(func(c *tls.Config) {
			c.NextProtos = []string{"imap"}
		}), TLS12, `"no application protocol"`, ""},
		{"a ClientHello that is reset", "https://" + nettest.Listen(t, reset), TLS12, "closed or reset during the handshake", "tlsmlkem=0"},
		{"a port without TLS", "https://" + nettest.Listen(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "SSH-2.0-canary\r\n")
			nettest.Drain(conn)
		}), TLS12, "doesn't speak TLS", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.CACert, o.TLSMinVersion = ca.PEM, c.minVersion
			failure := mustFail(t, newClient(t, o, nil), c.address)
			require.Equal(t, StageTLS, failure.Stage, failure.Error())
			require.Contains(t, failure.Detail, c.words)
			require.Equal(t, c.cure, failure.GODEBUG)
		})
	}
}

func TestANegativeSerialHasItsCure(t *testing.T) {
	t.Parallel()
	ca := nettest.NewAuthority(t)
	certificate := ca.Sign(t, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(0x0102030405060708) })
	negate(t, certificate.Certificate[0])
	o := options()
	o.CACert = ca.PEM
	failure := mustFail(t, newClient(t, o, nil), serveTLS(t, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	require.Equal(t, StageTLS, failure.Stage)
	require.Equal(t, "x509negativeserial=1", failure.GODEBUG)
}

// negate sets the sign of the serial number 0x0102030405060708 in a certificate, which
// Go doesn't sign with one.
func negate(t *testing.T, der []byte) {
	t.Helper()
	for at := range der {
		if string(der[at:min(at+8, len(der))]) == "\x01\x02\x03\x04\x05\x06\x07\x08" {
			der[at] = 0x81
			return
		}
	}
	t.Fatal("the serial number is nowhere in the certificate")
}

func TestATrustedServerAnswersOverBothVersionsOfHTTP(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "h2"} {
		server := newHTTP2Server(t, version == "h2", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		answer, failure := ask(t, newClient(t, server.options(), nil), server.URL)
		require.Nil(t, failure)
		require.Equal(t, http.StatusNoContent, answer.Status)
	}
}

func TestAConnectionThatIsLostIsNamedSo(t *testing.T) {
	t.Parallel()
	server := newHTTP2Server(t, true, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	failure := mustFail(t, newClient(t, server.options(), nil), server.URL)
	require.Contains(t, failure.Detail, "the connection was closed or reset", "a stream that was reset")

	cutOff := nettest.Listen(t, nettest.Answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"))
	failure = mustFail(t, newClient(t, options(), nil), "http://"+cutOff)
	require.Equal(t, StageRead, failure.Stage)
	require.Contains(t, failure.Detail, "the connection was closed or reset")

	failure = mustFail(t, newClient(t, options(), nil), "http://"+nettest.Listen(t, nettest.Answer("SSH-2.0-canary\r\n\r\n")))
	require.Contains(t, failure.Detail, "isn't valid HTTP")
}

func TestAGoAwayIsALostConnection(t *testing.T) {
	t.Parallel()
	ca := nettest.NewAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.Sign(t)}, NextProtos: []string{"h2"}}
	address := nettest.Listen(t, func(conn net.Conn) {
		secured := tls.Server(conn, config)
		if secured.HandshakeContext(t.Context()) != nil {
			return
		}
		_, _ = io.ReadFull(bufio.NewReader(secured), make([]byte, 24)) // the preface
		_, _ = secured.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0})        // SETTINGS
		// GOAWAY, the last stream that was seen being 1, INTERNAL_ERROR.
		_, _ = secured.Write([]byte{0, 0, 14, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 'c', 'a', 'n', 'a', 'r', 'y'})
		_, _ = secured.Read(make([]byte, 1<<10))
	})
	o := options()
	o.CACert = ca.PEM
	failure := mustFail(t, newClient(t, o, nil), "https://"+address)
	require.Contains(t, failure.Detail, "the connection was closed or reset", failure.Error())
}
