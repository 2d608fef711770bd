package outbound

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The lowest TLS versions that Options.TLSMinVersion accepts, as Vault spells them.
const (
	TLS12 = "tls12"
	TLS13 = "tls13"
)

const pemBegin = "-----BEGIN"

// brokenBlock matches what is left of a damaged PEM block: its first or last line, with
// whatever dashes, or a line of base64.
var brokenBlock = regexp.MustCompile(
	`(?m)\b(BEGIN|END) [A-Z0-9 ]*(CERTIFICATE|KEY|CRL)\b|(?i:[-–—]{2,}\s*(begin|end) )|^\s*[A-Za-z0-9+/=]{60,}\s*$`)

// ParseCACert reads a PEM bundle (RFC 7468) of one certificate or more, whole: it
// refuses, by its number, a block that is damaged or isn't a certificate. Comments
// between the blocks and byte order marks are skipped, duplicates are allowed. An error
// completes a sentence that begins with the name of a field and never repeats the input.
func ParseCACert(bundle string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	parts := strings.Split(strings.ReplaceAll(bundle, "\ufeff", ""), pemBegin) // wherever that stands
	if brokenBlock.MatchString(parts[0]) {
		return nil, errors.New("must be whole PEM blocks; there is part of a block, without its BEGIN line, before block 1")
	}
	if len(parts) == 1 && strings.ContainsAny(bundle, "\x00\ufffd") { // what JSON decoders put in place of other encodings
		return nil, errors.New("must be PEM in UTF-8; it is binary, such as DER, or in UTF-16, as Windows PowerShell writes with >")
	}
	if len(parts) == 1 {
		return nil, errors.New("must hold at least one certificate in PEM form, which begins with " + pemBegin + " CERTIFICATE-----")
	}
	for i, part := range parts[1:] {
		before := parts[i]
		certificate, err := parseBlock(pemBegin+part, before == "" || strings.HasSuffix(before, "\n"))
		if err != nil {
			return nil, fmt.Errorf("must be whole certificates in PEM form; block %d %w", i+1, err)
		}
		pool.AddCert(certificate)
	}
	return pool, nil
}

// parseBlock reads a block and the comment that follows it.
func parseBlock(text string, atLineStart bool) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case !atLineStart:
		return nil, errors.New("doesn't begin at the start of a line; remove what stands before it, such as spaces")
	case block == nil && strings.Contains(text, `\n`):
		return nil, errors.New(`has \n where its line breaks should be`)
	case block == nil && !strings.Contains(strings.TrimSpace(text), "\n"):
		return nil, errors.New("is on one line; keep its line breaks")
	case block == nil:
		return nil, errors.New("is cut off or damaged")
	case block.Type != "CERTIFICATE":
		return nil, errors.New("is " + blockKind(block.Type))
	case len(block.Headers) > 0:
		return nil, errors.New("has a header; remove the lines between BEGIN and the base64 text")
	case brokenBlock.Match(rest):
		return nil, errors.New("is followed by part of a block without its BEGIN line")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	switch {
	case err == nil:
		return certificate, nil
	case strings.Contains(err.Error(), "negative serial number"): // no exported type
		return nil, errors.New("has a negative serial number: register the plugin with -env=GODEBUG=" + allowNegativeSerials)
	}
	return nil, errors.New("isn't a certificate that can be parsed")
}

// blockKind names what people paste in place of a certificate.
func blockKind(kind string) string {
	switch {
	case strings.HasSuffix(kind, "PRIVATE KEY"):
		return "a private key: remove it, and keep it secret"
	case strings.HasSuffix(kind, "CERTIFICATE REQUEST"):
		return "a certificate request (CSR), not a certificate"
	case kind == "TRUSTED CERTIFICATE":
		return "an OpenSSL trusted certificate: convert it with openssl x509 -in FILE -out FILE"
	case kind == "X509 CRL":
		return "a revocation list (CRL), not a certificate"
	case strings.HasPrefix(kind, "PKCS"):
		return "a PKCS container: extract its certificates with openssl pkcs7 -print_certs"
	}
	return "of another type"
}
