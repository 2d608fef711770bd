// Package ims owns the exchange with IMS, Bentley's identity provider: the OAuth
// 2.0 client credentials grant (RFC 6749 section 4.4), what counts as a token,
// and why there is none. It has never heard of Vault.
package ims

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-uuid"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"vault-plugin-secrets-itwin/internal/outbound"
)

// Client exchanges one app's credentials for tokens. It is safe for concurrent
// use and keeps its connections until Close.
type Client struct {
	options   Options
	host      string // of the token endpoint, for errors
	cleaner   outbound.Cleaner
	transport *http.Transport
}

// NewClient checks the options and does no I/O.
func NewClient(o Options) (*Client, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	transport, err := outbound.NewTransport(outbound.Options{
		Timeout: o.RequestTimeout, CACert: o.CACert, TLSMinVersion: o.TLSMinVersion,
	})
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	endpoint, _ := url.Parse(o.TokenURL) // check has parsed it
	cleaner := newCleaner(o.ClientID, o.ClientSecret)
	return &Client{options: o, host: cleaner.Text(endpoint.Host), cleaner: cleaner, transport: transport}, nil
}

// Close closes the connections that are idle; those in use close 30 s after
// their exchange.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
}

// Exchange asks for a token with this scope, the parameter of RFC 6749 section
// 3.3. It asks once: retries are the caller's. Every error is an *Error, also
// when ctx ends first (TimedOut, with no Limit).
func (c *Client) Exchange(ctx context.Context, scope string) (Grant, error) {
	limited, cancel := context.WithTimeout(ctx, c.options.RequestTimeout)
	defer cancel()
	id, _ := uuid.GenerateUUID() // crypto/rand returns no errors
	x := &exchange{base: c.transport, correlationID: id, userAgent: c.options.UserAgent, now: c.options.Now}

	requestedAt := c.options.Now()
	token, err := c.config(scope).Token(context.WithValue(limited, oauth2.HTTPClient, outbound.NewHTTPClient(x)))
	if err != nil {
		return Grant{}, c.explain(ctx, c.sortOut(err, x), id)
	}
	grant, err := readToken(token)
	if err != nil {
		return Grant{}, c.explain(ctx, malformed(outbound.StageDecode, err.Error()), id)
	}
	grant.RequestedAt, grant.Took, grant.CorrelationID = requestedAt, c.options.Now().Sub(requestedAt), id
	return grant, nil
}

func (c *Client) config(scope string) *clientcredentials.Config {
	style := oauth2.AuthStyleInParams
	if c.options.AuthMethod == AuthBasic {
		style = oauth2.AuthStyleInHeader
	}
	return &clientcredentials.Config{
		ClientID:     c.options.ClientID,
		ClientSecret: c.options.ClientSecret.Reveal(),
		TokenURL:     c.options.TokenURL,
		Scopes:       []string{scope},
		AuthStyle:    style,
	}
}

// explain completes an Error with what only the exchange knows. ctx is the
// caller's: while it lives, a timeout is ours.
func (c *Client) explain(ctx context.Context, failure *Error, correlationID string) *Error {
	if failure.Kind == TimedOut && ctx.Err() == nil {
		failure.Limit = c.options.RequestTimeout
	}
	failure.CorrelationID, failure.ClientID, failure.Host = correlationID, c.options.ClientID, c.host
	return failure
}

// sortOut goes by the type of an error of x/oauth2 alone; its text goes nowhere.
func (c *Client) sortOut(err error, x *exchange) *Error {
	var (
		ours    *Error
		refusal *oauth2.RetrieveError
		network *url.Error
	)
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &refusal):
		return c.refusal(refusal)
	case outbound.IsTimeout(err), errors.As(err, &network):
		return unanswered(err, x.progress.Stage())
	default:
		return malformed(outbound.StageDecode,
			"it isn't the JSON of RFC 6749 section 5.1 with an access_token and a whole number in expires_in")
	}
}

// unanswered explains an error of Go's network code. reached is how far the
// request came.
func unanswered(err error, reached outbound.Stage) *Error {
	if outbound.IsTimeout(err) {
		return &Error{Kind: TimedOut, Stage: reached}
	}
	stage, detail := outbound.Explain(err, reached)
	return &Error{Kind: Unreachable, Stage: stage, Detail: detail}
}

// malformed is a 200 without a token that can be handed out.
func malformed(stage outbound.Stage, detail string) *Error {
	return &Error{Kind: Malformed, Stage: stage, Status: http.StatusOK, Detail: detail}
}

func (c *Client) refusal(refusal *oauth2.RetrieveError) *Error {
	status := refusal.Response.StatusCode
	if status == http.StatusOK {
		return malformed(outbound.StageDecode, "status 200 with an OAuth error")
	}
	failure := &Error{
		Kind: Refused, Stage: outbound.StageStatus, Status: status,
		Code:        c.cleaner.Text(refusal.ErrorCode),
		Description: c.cleaner.Text(refusal.ErrorDescription),
		RetryAfter:  outbound.RetryAfter(refusal.Response.Header, c.options.Now()),
	}
	if failure.Code == "" {
		failure.Kind, failure.Description = Unreachable, ""
		failure.Detail = statusDetail(status, noOAuth)
	}
	return failure
}
