package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// The alerts of RFC 8446 section 6 that have words of their own.
const (
	alertHandshakeFailure    = 40
	alertBadCertificate      = 42
	alertCertificateUnknown  = 46
	alertAccessDenied        = 49
	alertProtocolVersion     = 70
	alertUnrecognizedName    = 112
	alertCertificateRequired = 116
)

// The settings of GODEBUG that let Go talk to servers it refuses by default.
const (
	allowRSAKeyExchange  = "tlsrsakex=1"
	smallClientHello     = "tlsmlkem=0"
	allowNegativeSerials = "x509negativeserial=1"
)

// tlsFailure explains an error of a handshake with peer, "the server" or "the proxy",
// or an alert after it: TLS 1.3 lets a server complain about the client later.
func tlsFailure(peer string, err error, asked bool) Error {
	var record tls.RecordHeaderError
	alert, remote, alerted := alertOf(err)
	text := err.Error()
	switch {
	case alerted:
		return alertFailure(peer, alert, remote, asked)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return Error{Stage: StageTLS, Detail: peer + " doesn't speak TLS on this port"}
	case strings.Contains(text, "negative serial number"): // no exported type
		return Error{Stage: StageTLS, Detail: "a certificate of " + peer + " has a negative serial number", GODEBUG: allowNegativeSerials}
	case strings.Contains(text, "failed to parse certificate"):
		return Error{Stage: StageTLS, Detail: "a certificate of " + peer + " can't be parsed"}
	case strings.Contains(text, "protocol version"), strings.Contains(text, "unsupported version"):
		return alertFailure(peer, alertProtocolVersion, true, asked)
	case isBroken(err) && asked:
		return Error{Stage: StageTLS, Detail: peer + " closed the connection after asking for a client certificate"}
	case isBroken(err):
		return Error{
			Stage: StageTLS, GODEBUG: smallClientHello,
			Detail: "the connection was closed or reset during the handshake, by " + peer + " or by something in between",
		}
	}
	return Error{Stage: StageTLS, Detail: certificateDetail(peer, err)}
}

// certificateDetail says why a certificate isn't trusted.
func certificateDetail(peer string, err error) string {
	var (
		untrusted x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		roots     x509.SystemRootsError
	)
	its := peer + "'s certificate "
	switch {
	case errors.As(err, &untrusted):
		return its + "isn't signed by a trusted authority" + candidateDetail(err.Error())
	case errors.As(err, &hostname) && !hasSAN(hostname.Certificate):
		return its + "has no subject alternative name (SAN); its common name is ignored"
	case errors.As(err, &hostname):
		return its + "is for another host name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert.IsCA:
		return its + "is signed by an authority whose own certificate has expired, or isn't valid yet"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		return its + "isn't valid yet; check the clocks"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return its + "has expired"
	case errors.As(err, &invalid) && invalid.Reason == x509.NotAuthorizedToSign:
		return its + "is signed by a certificate that isn't allowed to sign certificates"
	case errors.As(err, &invalid):
		return its + "isn't valid for a server"
	case errors.As(err, &roots):
		return "the system's trusted certificates can't be read"
	}
	return "the handshake with " + peer + " failed"
}

// candidateDetail says why an authority of the right name didn't count. Go puts that in
// words alone; what they begin with is its own.
func candidateDetail(text string) string {
	_, reason, found := strings.Cut(text, "(possibly because of \"")
	reason, _, _ = strings.Cut(reason, "\"")
	switch {
	case !found:
		return ""
	case strings.Contains(reason, "verif"):
		return ": the CA with that name has a different key; check that ca_cert is current"
	}
	return ": the issuer's certificate isn't a valid CA certificate"
}

func hasSAN(certificate *x509.Certificate) bool {
	return len(certificate.DNSNames)+len(certificate.IPAddresses)+len(certificate.EmailAddresses)+len(certificate.URIs) > 0
}

func alertFailure(peer string, alert tls.AlertError, remote, asked bool) Error {
	failure := Error{Stage: StageTLS}
	switch name := strings.TrimPrefix(alert.Error(), "tls: "); {
	case alert == alertProtocolVersion:
		failure.Detail = peer + " offers no TLS version that tls_min_version allows"
	case !remote:
		failure.Detail = fmt.Sprintf("the handshake with %s failed on this side (TLS alert %q)", peer, name)
	case alert == alertCertificateRequired, asked && isAboutClient(alert):
		failure.Detail = fmt.Sprintf("%s requires a client certificate (TLS alert %q)", peer, name)
	case alert == alertHandshakeFailure:
		failure.Detail = fmt.Sprintf("%s doesn't accept any of the ciphers and key exchanges offered (TLS alert %q)", peer, name)
		failure.GODEBUG = allowRSAKeyExchange
	case alert == alertUnrecognizedName:
		failure.Detail = fmt.Sprintf("%s doesn't serve this host name (TLS alert %q)", peer, name)
	default:
		failure.Detail = fmt.Sprintf("%s sent the TLS alert %q", peer, name)
	}
	return failure
}

// isAboutClient lists the alerts that servers send, depending on the implementation and
// the TLS version, if they get no client certificate.
func isAboutClient(alert tls.AlertError) bool {
	switch alert {
	case alertHandshakeFailure, alertBadCertificate, alertCertificateUnknown, alertAccessDenied:
		return true
	}
	return false
}

// alertOf finds a TLS alert in err, and who sent it. crypto/tls wraps alerts in a
// net.OpError but doesn't export their type outside QUIC, so its kind has to do.
func alertOf(err error) (alert tls.AlertError, remote, found bool) {
	for operation := range operations(err) {
		if operation.Op == "remote error" || operation.Op == "local error" {
			if value := reflect.ValueOf(operation.Err); value.Kind() == reflect.Uint8 {
				return tls.AlertError(value.Uint()), operation.Op == "remote error", true //nolint:gosec // it is a uint8
			}
		}
	}
	return 0, false, false
}
