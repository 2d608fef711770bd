package outbound

import (
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/nettest"
)

func TestParseCACertTakesWholeBundles(t *testing.T) {
	t.Parallel()
	first, second := nettest.NewAuthority(t).PEM, nettest.NewAuthority(t).PEM
	for name, bundle := range map[string]string{
		"two":                            first + second,
		"no last line break":             first + strings.TrimRight(second, "\n"),
		"line breaks of Windows":         strings.ReplaceAll(first+second, "\n", "\r\n"),
		"a byte order mark first":        "\ufeff" + first + second,
		"a byte order mark in between":   first + "\ufeff" + second,
		"comments":                       "# My CA ------\nsubject=CN = a\n" + first + "\n---\nCertificate chain\n" + second + "---\n",
		"duplicates":                     first + second + first,
		"the text form that openssl has": "        Serial Number:\n            00:aa:bb\n" + first + second,
	} {
		pool, err := ParseCACert(bundle)
		require.NoError(t, err, name)
		require.True(t, pool.Equal(mustPool(t, first+second)), name)
	}
}

func TestParseCACertNamesTheBlockThatItRefuses(t *testing.T) {
	t.Parallel()
	ca := nettest.NewAuthority(t)
	good := ca.PEM
	first, _ := pem.Decode([]byte(good))
	block := func(kind string, headers map[string]string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: first.Bytes}))
	}
	lines := strings.Split(good, "\n")
	negative := ca.Sign(t, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(0x0102030405060708) }).Certificate[0]
	negate(t, negative)
	for name, c := range map[string]struct{ bundle, words string }{
		"nothing":                {"", "at least one certificate"},
		"no PEM":                 {"canary", "at least one certificate"},
		"a private key":          {good + block("EC PRIVATE KEY", nil), "block 2 is a private key"},
		"a key without its kind": {block("PRIVATE KEY", nil) + good, "block 1 is a private key"},
		"a request":              {good + block("NEW CERTIFICATE REQUEST", nil), "block 2 is a certificate request"},
		"a trusted certificate":  {block("TRUSTED CERTIFICATE", nil), "block 1 is an OpenSSL trusted certificate"},
		"a revocation list":      {block("X509 CRL", nil), "block 1 is a revocation list"},
		"a container":            {block("PKCS7", nil), "block 1 is a PKCS container"},
		"another kind":           {block("CANARY", nil), "block 1 is of another type"},
		"a header":               {good + block("CERTIFICATE", map[string]string{"Canary": "x"}) + good, "block 2 has a header"},
		"a header that is none":  {good + strings.Replace(good, "-----\n", "-----\ncanary\n", 1) + good, "block 2"},
		"an indented block":      {good + "  " + good, "block 2 doesn't begin at the start of a line"},
		"an indented first":      {"  " + good, "block 1 doesn't begin at the start of a line"},
		"two on one line":        {strings.TrimRight(good, "\n") + good, "block 2 doesn't begin at the start of a line"},
		"no END":                 {strings.Join(lines[:len(lines)-2], "\n") + "\n" + good, "block 1 is cut off or damaged"},
		"cut off":                {good + good[:100], "block 2 is cut off or damaged"},
		"no BEGIN, first":        {strings.Join(lines[1:], "\n") + good, "before block 1"},
		"no BEGIN, second":       {good + strings.Join(lines[1:], "\n"), "block 1 is followed by part of a block"},
		"four dashes":            {good + strings.ReplaceAll(good, "-----", "----") + good, "block 1 is followed by part of a block"},
		"typographic dashes":     {good + strings.ReplaceAll(good, "-----", "——"), "block 1 is followed by part of a block"},
		"line breaks as \\n":     {strings.ReplaceAll(good, "\n", `\n`), `block 1 has \n where its line breaks should be`},
		"one line":               {strings.ReplaceAll(good, "\n", " "), "block 1 is on one line"},
		"line breaks of the Mac": {strings.ReplaceAll(good, "\n", "\r"), "block 1 is on one line"},
		"percent-encoded":        {strings.ReplaceAll(good, "\n", "%0A"), "block 1 is on one line"},
		"a block of YAML":        {"ca: |\n  " + strings.ReplaceAll(good, "\n", "\n  "), "block 1 doesn't begin at the start of a line"},
		"DER":                    {"0\ufffd\x03\ufffd", "it is binary, such as DER"},
		"UTF-16":                 {"\ufffd\ufffd" + strings.Join(strings.Split(good, ""), "\x00"), "or in UTF-16"},
		"bytes of something else": {
			good + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("canary")})), "block 2 isn't a certificate",
		},
		"a negative serial": {
			string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: negative})), "-env=GODEBUG=x509negativeserial=1",
		},
	} {
		_, err := ParseCACert(c.bundle)
		require.ErrorContains(t, err, c.words, name)
		require.NotContains(t, err.Error(), "canary", name)
	}
}

func mustPool(t *testing.T, bundle string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(bundle)))
	return pool
}
