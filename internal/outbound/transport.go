// Package outbound owns the manners of every request that leaves the engine: TLS,
// limits, no redirects, and how a failure is told without repeating a byte of
// what upstream sent. It knows neither OAuth nor the iTwin Platform nor Vault.
package outbound

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// MaxBody is how much of an answer is read, in bytes.
	MaxBody = 1 << 20

	maxHeader   = 64 << 10
	maxConns    = 8
	idleTimeout = 30 * time.Second
)

// Options say how a host is reached and trusted.
type Options struct {
	// Timeout bounds the dial and the TLS handshake. The request as a whole is
	// bounded by its context.
	Timeout time.Duration
	// CACert is a PEM bundle that replaces the system's roots; empty: it doesn't.
	CACert string
	// TLSMinVersion is TLS12 or TLS13.
	TLSMinVersion string
}

// NewTransport returns a transport for all requests of one app. It does no I/O.
func NewTransport(o Options) (*http.Transport, error) {
	config, err := tlsConfig(o.CACert, o.TLSMinVersion)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkProxy,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		MaxConnsPerHost:        maxConns,
		IdleConnTimeout:        idleTimeout,
		// net/http lets a dial outlive the request that asked for it: without
		// limits of its own it would occupy one of the connections for good.
		DialContext:         (&net.Dialer{Timeout: o.Timeout}).DialContext,
		TLSHandshakeTimeout: o.Timeout,
		// A connection that a firewall forgot must not fail a second request.
		HTTP2: &http.HTTP2Config{SendPingTimeout: o.Timeout / 2, PingTimeout: o.Timeout / 2},
	}, nil
}

// NewHTTPClient returns a client that follows no redirect: one would carry the
// request, and what it holds, to a host of the server's choice.
func NewHTTPClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ReadBody reads at most MaxBody bytes and says whether that was all.
func ReadBody(response *http.Response) (body []byte, whole bool, err error) {
	body, err = io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	if len(body) > MaxBody {
		return body[:MaxBody], false, err
	}
	return body, true, err
}

// proxyError is a proxy's status other than 200.
type proxyError int

func (p proxyError) Error() string {
	return fmt.Sprintf("the proxy refuses the connection with status %d", int(p))
}

func checkProxy(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return proxyError(response.StatusCode)
}
