// Package outbound owns every request that leaves the engine: its headers, TLS,
// proxies, limits, no redirects, and how a failure is explained without repeating a
// byte from upstream. It knows neither OAuth nor the iTwin Platform nor Vault.
package outbound

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/go-uuid"
)

// Options say how hosts are reached and trusted, for all requests of one app.
type Options struct {
	// Timeout bounds a request as a whole, from the dial to the last byte.
	Timeout time.Duration
	// CACert is a PEM bundle that replaces the system's roots, unless it is empty.
	CACert string
	// TLSMinVersion is TLS12 or TLS13.
	TLSMinVersion string
	// UserAgent is sent with every request, unless it is empty.
	UserAgent string
	// AllowedHosts limits where requests may go. The zero value allows every host.
	AllowedHosts AllowedHosts
	// Now is the clock for times in answers; nil is time.Now.
	Now func() time.Time
}

// Clock returns Now, or time.Now if it is nil.
func (o Options) Clock() func() time.Time {
	if o.Now == nil {
		return time.Now
	}
	return o.Now
}

// Client sends requests to one endpoint. It is safe for concurrent use and keeps its
// connections until Close.
type Client struct {
	options   Options
	transport *http.Transport
}

// NewClient does no I/O. It refuses an endpoint whose host isn't allowed, with a
// *HostError, and reads the proxy variables of the environment.
func NewClient(endpoint string, o Options) (*Client, error) {
	if err := o.AllowedHosts.Check(endpoint); err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		return nil, errors.New("the request timeout must be positive")
	}
	transport, err := newTransport(o, environmentProxy(os.Getenv))
	if err != nil {
		return nil, err
	}
	return &Client{options: o, transport: transport}, nil
}

// Close closes the connections that are idle. Those in use close 30 s after their
// request.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Answer is what a host answered.
type Answer struct {
	Status int
	Header http.Header
	// Body is unpacked and without a byte order mark.
	Body []byte
	// Damage says why Body is incomplete or empty; nil if it is whole.
	Damage *Error
	// CorrelationID is the X-Correlation-Id that the request carried.
	CorrelationID string
}

// Do sends a request and reads the answer, without following a redirect: that would
// carry the request, and the secret or token in it, to a host of the server's choice.
// The body stays unread where unread, unless nil, says so of the status.
func (c *Client) Do(request *http.Request, unread func(status int) bool) (Answer, *Error) {
	ctx, cancel := context.WithTimeout(request.Context(), c.options.Timeout)
	defer cancel()
	id, _ := uuid.GenerateUUID() // crypto/rand returns no errors
	way := progress{begun: time.Now()}
	sent := request.Clone(way.watch(ctx))
	c.setHeaders(sent.Header, id)
	response, err := c.transport.RoundTrip(sent)
	if err != nil {
		return Answer{}, c.fail(request.Context(), err, &way, id)
	}
	defer func() { _ = response.Body.Close() }() // what was to be read has been
	answer := Answer{Status: response.StatusCode, Header: response.Header, CorrelationID: id}
	if unread != nil && unread(answer.Status) {
		return answer, nil
	}
	if answer.Body, answer.Damage, err = readBody(response); err != nil {
		return Answer{}, c.fail(request.Context(), err, &way, id)
	}
	return answer, nil
}

func (c *Client) setHeaders(header http.Header, correlationID string) {
	header.Set("Accept-Encoding", "identity")
	header.Set("X-Correlation-Id", correlationID)
	// No request of the engine changes anything upstream. The empty key, which isn't
	// sent, lets net/http repeat one that met a connection closed while idle.
	header["Idempotency-Key"] = nil
	if c.options.UserAgent != "" {
		header.Set("User-Agent", c.options.UserAgent)
	}
}

// fail explains err. A timeout is the client's while the caller's context lives.
func (c *Client) fail(caller context.Context, err error, way *progress, correlationID string) *Error {
	failure := explain(err, way)
	if failure.TimedOut {
		failure.Limit = c.limit(caller, way.begun)
	}
	failure.CorrelationID = correlationID
	return &failure
}

// limit is the time that a request had: less than the client's timeout if its caller
// had waited before, such as for a slot, and 0 if the caller gave up.
func (c *Client) limit(caller context.Context, begun time.Time) time.Duration {
	const precision = 100 * time.Millisecond
	switch deadline, _ := caller.Deadline(); {
	case caller.Err() == nil:
		return c.options.Timeout
	case errors.Is(caller.Err(), context.DeadlineExceeded):
		return max(precision, min(c.options.Timeout, deadline.Sub(begun).Round(precision)))
	}
	return 0
}
