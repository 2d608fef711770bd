// Package nettest plays servers and proxies that misbehave in ways that net/http/httptest can't, and issues the
// certificates they need.
package nettest

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

// Listen passes each connection to handle and closes it afterwards. It returns a host and port of 127.0.0.1.
func Listen(tb testing.TB, handle func(net.Conn)) (address string) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = listener.Close() })
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

// Drain reads until the client hangs up.
func Drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// Answer reads one request, without its body, and writes these bytes, whatever they are.
func Answer(raw string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, raw)
	}
}

// Authority signs certificates.
type Authority struct {
	PEM string // its own certificate

	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority returns an authority whose certificate is valid for an hour, changed by adjust before it is signed.
func NewAuthority(tb testing.TB, adjust ...func(*x509.Certificate)) Authority {
	tb.Helper()
	template := newTemplate()
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a := Authority{certificate: template}
	der, key := a.issue(tb, template, adjust)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	a.certificate, a.key = certificate, key
	a.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

// Sign issues a certificate for a server at 127.0.0.1, valid for an hour and changed by adjust before it is signed.
func (a Authority) Sign(tb testing.TB, adjust ...func(*x509.Certificate)) tls.Certificate {
	tb.Helper()
	template := newTemplate()
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, key := a.issue(tb, template, adjust)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func newTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

// issue makes a key and signs its certificate: with the authority's key, or with that key itself while there is no other.
func (a Authority) issue(tb testing.TB, template *x509.Certificate, adjust []func(*x509.Certificate)) ([]byte, *ecdsa.PrivateKey) {
	tb.Helper()
	for _, change := range adjust {
		change(template)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, signer)
	require.NoError(tb, err)
	return der, key
}
