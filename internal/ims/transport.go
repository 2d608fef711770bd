package ims

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	maxBody     = 1 << 20
	maxHeader   = 64 << 10
	maxConns    = 8
	idleTimeout = 30 * time.Second
)

// newTransport returns the one transport that all exchanges of a client share.
func newTransport(o Options) (*http.Transport, error) {
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
		DialContext:         (&net.Dialer{Timeout: o.RequestTimeout}).DialContext,
		TLSHandshakeTimeout: o.RequestTimeout,
		// A connection that a firewall forgot must not fail a second request.
		HTTP2: &http.HTTP2Config{SendPingTimeout: o.RequestTimeout / 2, PingTimeout: o.RequestTimeout / 2},
	}, nil
}

func checkProxy(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	detail := fmt.Sprintf("the proxy refuses the connection with status %d", response.StatusCode)
	return &Error{Kind: Unreachable, Stage: StageProxy, Detail: detail}
}

// exchange is the http.RoundTripper of a single exchange. It adds our headers to
// the request, and leaves x/oauth2 only answers that it reads as RFC 6749 means.
type exchange struct {
	base          http.RoundTripper
	correlationID string
	userAgent     string
	now           func() time.Time
	progress      progress
}

// RoundTrip implements http.RoundTripper.
func (x *exchange) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(x.progress.watch(request.Context()))
	x.setHeaders(request.Header)
	response, err := x.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	x.progress.reach(StageRead)
	defer func() { _ = response.Body.Close() }() // what was to be read has been
	if err := x.checkStatus(response); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxBody && response.StatusCode == http.StatusOK:
		return nil, &Error{Kind: Malformed, Stage: StageRead, Status: http.StatusOK, Detail: "the answer is larger than 1 MiB"}
	}
	x.progress.reach(StageDecode)
	response.Body = io.NopCloser(bytes.NewReader(body))
	// x/oauth2 reads an answer of another type as a query string.
	response.Header.Set("Content-Type", "application/json")
	return response, nil
}

func (x *exchange) setHeaders(header http.Header) {
	header.Set("Accept", "application/json")
	header.Set("X-Correlation-Id", x.correlationID)
	// An exchange changes nothing at IMS. The empty key, which isn't sent, lets
	// net/http repeat one that met a connection closed while idle.
	header["Idempotency-Key"] = nil
	if x.userAgent != "" {
		header.Set("User-Agent", x.userAgent)
	}
}

// checkStatus sorts out answers whose status says it all. Their bodies stay
// unread: what waits for them is only a slow proxy's error page.
func (x *exchange) checkStatus(response *http.Response) error {
	status := response.StatusCode
	failure := &Error{Kind: Unreachable, Stage: StageStatus, Status: status, RetryAfter: retryAfter(response.Header, x.now())}
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusTooManyRequests:
		failure.Kind = RateLimited
		failure.Detail = "it limits the rate"
	case status >= 400 && status < 500:
		return nil
	case status >= 300 && status < 400:
		failure.Detail = fmt.Sprintf("it answers with status %d, and redirects are not followed", status)
	default:
		failure.Detail = statusDetail(status)
	}
	return failure
}

func statusDetail(status int) string {
	return fmt.Sprintf("it answers with status %d and no OAuth error", status)
}
