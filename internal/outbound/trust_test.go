package outbound

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseCACertTakesWholeCertificatesOnly(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	block := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	good := block("CERTIFICATE", server.Certificate().Raw)

	for _, bundle := range []string{good, "# a comment\n" + good, good + good + "\n"} {
		pool, err := ParseCACert(bundle)
		require.NoError(t, err)
		require.True(t, pool.Equal(mustPool(t, good)))
	}
	for _, bundle := range []string{
		"", "canary", good[:len(good)-20], good + good[:100],
		good + block("PRIVATE KEY", []byte("canary")), block("CERTIFICATE", []byte("canary")),
	} {
		_, err := ParseCACert(bundle)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "canary")
	}
}

func mustPool(t *testing.T, bundle string) *x509.CertPool {
	t.Helper()
	pool, err := ParseCACert(bundle)
	require.NoError(t, err)
	return pool
}
