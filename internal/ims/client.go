// Package ims owns the exchange with IMS, Bentley's identity provider: the OAuth
// 2.0 client credentials grant (RFC 6749 section 4.4), what counts as a token,
// why an exchange fails, and the keys that verify tokens. It has never heard of Vault.
package ims

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/scopes"
)

// Client exchanges one app's credentials for tokens. It is safe for concurrent
// use and keeps its connections until Close.
type Client struct {
	options Options
	cleaner outbound.Cleaner
	sender  *outbound.Client
}

// NewClient checks the options and does no I/O.
func NewClient(o Options) (*Client, error) {
	endpoint, err := outbound.ParseEndpoint(o.TokenURL)
	if err != nil {
		return nil, fmt.Errorf("reading the token URL: the URL %w", err)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	sender, err := outbound.NewClient(endpoint, o.Options)
	if err != nil {
		return nil, err
	}
	o.TokenURL = endpoint
	return &Client{options: o, cleaner: newCleaner(o), sender: sender}, nil
}

// Close closes the connections that are idle; those in use close 30 s after
// their exchange.
func (c *Client) Close() { c.sender.Close() }

// Exchange asks for a token with these scopes. It asks once: retries are the caller's.
// Every error is an *Error, also when ctx ends first (TimedOut, with no Limit).
func (c *Client) Exchange(ctx context.Context, wanted scopes.Set) (Grant, error) {
	x := &exchange{client: c, wanted: wanted}
	now := c.options.Clock()
	requestedAt := now()
	token, err := c.config(wanted).Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: x}))
	if err != nil {
		return Grant{}, c.complete(x.explain(err), x.correlationID)
	}
	grant, err := x.readToken(token)
	if err != nil {
		return Grant{}, c.complete(malformed(err.Error()), x.correlationID)
	}
	grant.RequestedAt, grant.Took, grant.CorrelationID = requestedAt, now().Sub(requestedAt), x.correlationID
	return grant, nil
}

func (c *Client) config(wanted scopes.Set) *clientcredentials.Config {
	style := oauth2.AuthStyleInParams
	if c.options.AuthMethod == AuthBasic {
		style = oauth2.AuthStyleInHeader
	}
	return &clientcredentials.Config{
		ClientID:     c.options.ClientID,
		ClientSecret: c.options.ClientSecret.Reveal(),
		TokenURL:     c.options.TokenURL,
		Scopes:       []string{wanted.String()},
		AuthStyle:    style,
	}
}

// complete adds what every Error of this client has.
func (c *Client) complete(failure *Error, correlationID string) *Error {
	failure.CorrelationID, failure.ClientID = correlationID, c.options.ClientID
	failure.URL = c.cleaner.Text(c.options.TokenURL)
	return failure
}

// explain goes by the type of an error of x/oauth2 alone; its text goes nowhere.
func (x *exchange) explain(err error) *Error {
	var ours *Error
	var refusal *oauth2.RetrieveError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &refusal):
		return x.classify(refusal)
	}
	return malformed("it isn't the JSON of RFC 6749 section 5.1 with an access_token")
}

// classify tells IMS's refusals from its own faults, and both from a gateway's JSON.
func (x *exchange) classify(refusal *oauth2.RetrieveError) *Error {
	status := refusal.Response.StatusCode
	if status == http.StatusOK {
		return malformed("status 200 with an OAuth error")
	}
	failure := byStatus(status, refusal.Response.Header, x.client.options.Clock()(), notOAuth)
	code := refusal.ErrorCode
	if !oauthCode.MatchString(code) || len(code) > maxCode || x.client.cleaner.Finds(code) {
		return failure
	}
	failure.Code, failure.Detail = code, ""
	switch code {
	case "slow_down":
		failure.Kind = RateLimited
	case "temporarily_unavailable", "server_error":
		failure.Kind = Unavailable
	default:
		failure.Kind = Refused
	}
	failure.Description = x.client.cleaner.Text(refusal.ErrorDescription)
	return failure
}

// malformed is a 200 without a token that can be handed out.
func malformed(detail string) *Error {
	return &Error{Kind: Malformed, Stage: outbound.StageDecode, Status: http.StatusOK, Detail: detail}
}
