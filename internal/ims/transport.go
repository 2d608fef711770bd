package ims

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"vault-plugin-secrets-itwin/internal/outbound"
)

const noOAuth = "the answer is neither a token nor an OAuth error"

// exchange is the http.RoundTripper of a single exchange. It adds our headers to
// the request, and leaves x/oauth2 only answers that it reads as RFC 6749 means.
type exchange struct {
	base          http.RoundTripper
	correlationID string
	userAgent     string
	now           func() time.Time
	progress      outbound.Progress
}

// RoundTrip implements http.RoundTripper.
func (x *exchange) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(x.progress.Watch(request.Context()))
	x.setHeaders(request.Header)
	response, err := x.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	x.progress.Reach(outbound.StageRead)
	defer func() { _ = response.Body.Close() }() // what was to be read has been
	if err := x.checkStatus(response); err != nil {
		return nil, err
	}
	body, whole, err := outbound.ReadBody(response)
	switch {
	case err != nil:
		return nil, err
	case !whole && response.StatusCode == http.StatusOK:
		return nil, malformed(outbound.StageRead, "the answer is larger than 1 MiB")
	}
	x.progress.Reach(outbound.StageDecode)
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
	failure := &Error{Kind: Unreachable, Stage: outbound.StageStatus, Status: status}
	failure.RetryAfter = outbound.RetryAfter(response.Header, x.now())
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusTooManyRequests:
		failure.Kind = RateLimited
	case status >= 400 && status < 500:
		return nil
	default:
		failure.Detail = statusDetail(status, noOAuth)
	}
	return failure
}

// statusDetail explains a status that says it all, any other by otherwise.
func statusDetail(status int, otherwise string) string {
	switch {
	case status >= 300 && status < 400:
		return "redirects are not followed"
	case status >= 500:
		return "it fails, or a gateway in front of it does"
	}
	return otherwise
}
