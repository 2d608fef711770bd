package e2e

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// The situations in which a request is lost on its way to IMS, brought about by servers and proxies that do wrong.

// nameless resolves nowhere, and no name server is asked: the longest label has 63 characters.
const nameless = "a123456789b123456789c123456789d123456789e123456789f123456789-123.bentley.com"

// listen gives every connection to handle, and closes it after.
func listen(t *testing.T, handle func(net.Conn)) (address string) {
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

// saying reads a request and answers it with raw bytes.
func saying(raw string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, raw)
	}
}

// speaking doesn't wait for the client.
func speaking(raw string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, raw)
		silent(conn)
	}
}

func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// reset closes a connection as a device does that can't handle a large ClientHello.
func reset(conn net.Conn) {
	_, _ = io.ReadFull(conn, make([]byte, 1400))
	_ = conn.(*net.TCPConn).SetLinger(0)
}

// writing writes a config of its own for an authority.
func writing(authority string, more fields) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		data := fields{"client_id": clientID, "client_secret": clientSecret, "authority": authority, "request_timeout": "1s"}
		maps.Copy(data, more)
		return refusedWrite("itwin/config/elsewhere", data)(t, d)
	}
}

// answered asks a server that answers with raw bytes.
func answered(scheme string, handle func(net.Conn)) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		return writing(scheme+listen(t, handle), nil)(t, d)
	}
}

// registered mounts the plugin with environment variables of its own and writes a config whose host needs the proxy.
func registered(variables ...string) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		name := "itwin-" + uuid.NewString()
		command := register + " -version=vX.Y.Z -command=" + d.plugin.Name
		for _, variable := range variables {
			command += " -env='" + variable + "'"
		}
		output, err := d.bash(command + " secret " + name)
		require.NoError(t, err, output)
		vaulttest.Mount(t, d.root, vaulttest.Plugin{Name: name, Version: d.plugin.Version}, name)
		return refusedWrite(name+"/config", fields{
			"client_id": clientID, "client_secret": clientSecret, "request_timeout": "1s",
		})(t, d)
	}
}

// byProxy asks by way of a proxy that does as handle does.
func byProxy(scheme string, handle func(net.Conn)) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		return registered("HTTPS_PROXY="+scheme+listen(t, handle))(t, d)
	}
}

func proxyFailures() []situation {
	const version, chosen, user = "\x05", "\x05\x00", "\x05\x02"
	socks := func(replies ...string) situation {
		return byProxy("socks5://user:word@", func(conn net.Conn) {
			for _, reply := range replies {
				_, _ = conn.Read(make([]byte, 512))
				_, _ = io.WriteString(conn, reply)
			}
			_, _ = conn.Read(make([]byte, 512))
		})
	}
	failed := func(reply string) situation { return socks(chosen, version+reply+"\x00\x01\x00\x00\x00\x00\x00\x00") }
	return []situation{
		registered("HTTPS_PROXY=http://user:p%ss@127.0.0.1:3128"), registered("HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=*example.com"),
		registered("HTTPS_PROXY=http://127.0.0.1:1"), registered("HTTPS_PROXY=http://" + nameless + ":3128"),
		byProxy("http://", saying("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")),
		byProxy("http://", saying("HTTP/1.1 403 Forbidden\r\n\r\n")),
		byProxy("http://", saying("HTTP/1.1 502 Bad Gateway\r\n\r\n")),
		byProxy("http://", saying("HTTP/1.1 500 Internal Server Error\r\n\r\n")),
		byProxy("http://", saying("")), byProxy("http://", saying("SSH-2.0-x\r\n")), byProxy("http://", silent),
		byProxy("https://", speaking("HTTP/1.1 400 Bad Request\r\n\r\n")),
		socks(user, "\x01\x01"), failed("\x02"), failed("\x04"), failed("\x01"), socks("HTTP/1.1 400 Bad Request\r\n\r\n"), socks(),
		byProxy("socks5://", func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 512))
			_, _ = io.WriteString(conn, "\x05\xff")
		}),
	}
}

// server is one that TLS doesn't reach.
type server struct {
	certificate func(*x509.Certificate)
	raw         func(der []byte) // changes the signed certificate
	rsa         bool
	config      func(*tls.Config)
	more        fields // of the app's config
}

// ask writes a config for the server, with the CA that signed its certificate.
func (s server) ask(t *testing.T, d *desk) string {
	t.Helper()
	certificate, ca := s.sign(t)
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if s.config != nil {
		s.config(config)
	}
	address := listen(t, func(conn net.Conn) { saying("")(tls.Server(conn, config)) })
	more := fields{"ca_cert": ca}
	maps.Copy(more, s.more)
	return writing("https://"+address, more)(t, d)
}

// sign returns the server's certificate and its CA's in PEM.
func (s server) sign(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	valid := x509.Certificate{
		SerialNumber: big.NewInt(0x0102030405060708), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	ca, leaf := valid, valid
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	if s.certificate != nil {
		s.certificate(&leaf)
	}
	caDER, err := x509.CreateCertificate(rand.Reader, &ca, &ca, caKey.Public(), caKey)
	require.NoError(t, err)
	signed := tls.Certificate{PrivateKey: caKey}
	public := caKey.Public()
	if s.rsa {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		require.NoError(t, err)
		signed.PrivateKey, public = key, key.Public()
	}
	der, err := x509.CreateCertificate(rand.Reader, &leaf, &ca, public, caKey)
	require.NoError(t, err)
	if s.raw != nil {
		s.raw(der)
	}
	signed.Certificate = [][]byte{der}
	return signed, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}))
}

func distrusts() []situation {
	return []situation{
		withoutTheCA,
		server{certificate: func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"ims.example.com"} }}.ask,
		server{certificate: func(c *x509.Certificate) { c.IPAddresses = nil }}.ask,
		server{certificate: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }}.ask,
		server{certificate: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }}.ask,
		server{certificate: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }}.ask,
	}
}

func brokenHandshakes() []situation {
	return []situation{
		answered("https://", speaking("SSH-2.0-x\r\n")),
		server{config: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, more: fields{"tls_min_version": "tls13"}}.ask,
		server{config: func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }}.ask,
		server{config: func(c *tls.Config) {
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
			c.Certificates = nil
		}}.ask,
		server{config: func(c *tls.Config) { c.NextProtos = []string{"imap"} }}.ask,
		server{rsa: true, config: func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}}.ask,
		answered("https://", reset),
		server{raw: negate}.ask,
	}
}

// negate sets the sign of the serial number in a certificate, which Go doesn't sign with one.
func negate(der []byte) {
	at := bytes.Index(der, []byte("\x01\x02\x03\x04\x05\x06\x07\x08"))
	der[at] = 0x81
}

func lostAnswers() []situation {
	gzipped := "HTTP/1.1 200 OK\r\nContent-Encoding: %\r\nContent-Length: 3\r\n\r\n\x8b\x02\x80"
	coded := func(coding string) situation {
		return answered("http://", saying(strings.Replace(gzipped, "%", coding, 1)))
	}
	return []situation{
		answered("http://", saying("")), answered("http://", silent), answered("http://", saying("SSH-2.0-x\r\n")),
		answered("http://", saying("HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 2<<20))),
		coded("br"), coded("gzip"), coded("unheard-of"),
	}
}
