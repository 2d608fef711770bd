package outbound

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	maxHeader   = 64 << 10
	maxConns    = 8
	idleTimeout = 30 * time.Second
)

// newTransport returns a transport that asks proxy, as http.Transport.Proxy, for the
// way to a host. It does no I/O.
func newTransport(o Options, proxy func(*url.URL) (*url.URL, error)) (*http.Transport, error) {
	config, err := tlsConfig(o.CACert, o.TLSMinVersion)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:                  watched(proxy),
		OnProxyConnectResponse: checkConnect,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // Client asks for identity, and unpacks within limits
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

// watched tells the request's progress that it takes a proxy.
func watched(proxy func(*url.URL) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(request *http.Request) (*url.URL, error) {
		proxyURL, err := proxy(request.URL)
		if proxyURL != nil {
			way := progressOf(request.Context())
			way.update(func() { way.proxy = proxyURL.Scheme })
		}
		return proxyURL, err
	}
}

// checkConnect reads a proxy's answer to CONNECT.
func checkConnect(ctx context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode != http.StatusOK {
		return newConnectError(response)
	}
	way := progressOf(ctx)
	way.update(func() { way.proxy = "" })
	return nil
}

// noCertificate sends no client certificate, and notes that the server asked for one: the
// alert that follows if it needs one depends on the implementation.
func noCertificate(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	way := progressOf(asked.Context())
	way.update(func() { way.asked = true })
	return new(tls.Certificate), nil
}

func tlsConfig(caCert, minVersion string) (*tls.Config, error) {
	config := &tls.Config{GetClientCertificate: noCertificate}
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
