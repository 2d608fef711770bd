package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// The lowest TLS versions that Options.TLSMinVersion accepts, as Vault spells them.
const (
	TLS12 = "tls12"
	TLS13 = "tls13"
)

// ParseCACert reads a PEM bundle of one certificate or more. It refuses a
// bundle with anything else in it, such as a private key pasted along; text
// between the certificates is skipped. Its errors never repeat the input.
func ParseCACert(bundle string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	count := 0
	block, rest := pem.Decode([]byte(bundle))
	for ; block != nil; block, rest = pem.Decode(rest) {
		count++
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("must be CERTIFICATE blocks only; block %d is of another type", count)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("must be valid certificates; block %d can't be parsed", count)
		}
		pool.AddCert(cert)
	}
	switch {
	case strings.Contains(string(rest), "-----BEGIN"):
		return nil, fmt.Errorf("must be whole PEM blocks; block %d is cut off or damaged", count+1)
	case count == 0:
		return nil, errors.New("must hold at least one certificate in PEM form")
	}
	return pool, nil
}

func tlsConfig(caCert, minVersion string) (*tls.Config, error) {
	config := &tls.Config{}
	switch minVersion {
	case TLS12:
		config.MinVersion = tls.VersionTLS12
	case TLS13:
		config.MinVersion = tls.VersionTLS13
	default:
		return nil, fmt.Errorf("the minimum TLS version must be %s or %s", TLS12, TLS13)
	}
	if caCert == "" {
		return config, nil
	}
	pool, err := ParseCACert(caCert)
	if err != nil {
		return nil, fmt.Errorf("reading the CA certificates: %w", err)
	}
	config.RootCAs = pool
	return config, nil
}
