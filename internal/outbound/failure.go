package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Explain puts an error of Go's network code into our own words. None of
// its text goes on, as it may quote bytes from upstream. reached is the stage
// for errors whose type doesn't tell.
func Explain(err error, reached Stage) (Stage, string) {
	var operation *net.OpError
	isOperation := errors.As(err, &operation)
	var lookup *net.DNSError
	var refused proxyError
	switch {
	case errors.As(err, &refused):
		return StageProxy, refused.Error()
	case isOperation && operation.Op == "proxyconnect":
		return StageProxy, "the proxy that the environment names can't be reached"
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return StageDNS, "the host name doesn't resolve"
	case errors.As(err, &lookup):
		return StageDNS, "the name server gives no answer for the host name"
	case isOperation && operation.Op == "dial":
		return StageConnect, dialFailure(err)
	case reached == StageTLS || errors.Is(err, http.ErrSchemeMismatch):
		return StageTLS, tlsFailure(err)
	case isBroken(err):
		return reached, "the connection was closed or reset before the answer was complete"
	default:
		return reached, "the answer isn't readable as HTTP, or exceeds the limits on its headers"
	}
}

func dialFailure(err error) string {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "the connection was refused"
	}
	return "the host can't be reached over the network"
}

func tlsFailure(err error) string {
	var (
		untrusted x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &untrusted):
		return "the server's certificate isn't signed by a trusted authority"
	case errors.As(err, &hostname):
		return "the server's certificate is for another host name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate has expired or isn't valid yet"
	case errors.As(err, &invalid):
		return "the server's certificate isn't valid for a server"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server doesn't speak TLS on this port"
	case strings.Contains(err.Error(), "protocol version"):
		// crypto/tls has no exported type for this alert.
		return "the server doesn't offer a TLS version that is allowed"
	default:
		return "the handshake was broken off"
	}
}

func isBroken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// IsTimeout says whether a limit passed, or the caller gave up.
func IsTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, context.Canceled) || errors.As(err, &network) && network.Timeout()
}
