// Package platform asks the iTwin Platform who the caller is and what it may do.
// It knows nothing of OAuth's exchange or of Vault.
package platform

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-uuid"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

// The media types that select an API's version. Another answers 404.
const (
	acceptV1 = "application/vnd.bentley.itwin-platform.v1+json"
	acceptV2 = "application/vnd.bentley.itwin-platform.v2+json"
)

// Options say where the Platform is and how it is reached.
type Options struct {
	// APIURL is the base URL, as outbound.ParseEndpoint allows it.
	APIURL string
	// RequestTimeout bounds a request whole, from the dial to the last byte.
	RequestTimeout time.Duration
	// CACert and TLSMinVersion are those of outbound.Options.
	CACert, TLSMinVersion string
	// UserAgent is sent when not empty.
	UserAgent string
	// Now stands in for a Date that an answer with Retry-After lacks.
	Now func() time.Time
}

// Client asks the Platform. It is safe for concurrent use.
type Client struct {
	options   Options
	transport *http.Transport
}

// User is the caller as users/me shows it. For a service app Email is the address
// to invite to iTwins.
type User struct {
	ID               string `json:"id"`
	DisplayName      string `json:"displayName"`
	Email            string `json:"email"`
	OrganizationName string `json:"organizationName"`
}

// NewClient does no I/O.
func NewClient(o Options) (*Client, error) {
	transport, err := outbound.NewTransport(outbound.Options{
		Timeout: o.RequestTimeout, CACert: o.CACert, TLSMinVersion: o.TLSMinVersion,
	})
	if err != nil {
		return nil, err
	}
	return &Client{options: o, transport: transport}, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Me returns the user that the token stands for. It needs no membership in any
// iTwin. Every error is an *Error.
func (c *Client) Me(ctx context.Context, token secret.Text) (User, error) {
	var answer struct {
		User *User `json:"user"`
	}
	id, err := c.get(ctx, "/users/me", acceptV1, token, &answer)
	if err != nil {
		return User{}, err
	}
	if answer.User == nil {
		return User{}, undocumented("the answer has no user", id)
	}
	return answer.User.cleaned(token), nil
}

// Permissions returns what the caller may do in an iTwin, an empty list where that
// is nothing. Every error is an *Error.
func (c *Client) Permissions(ctx context.Context, token secret.Text, iTwinID string) ([]string, error) {
	var answer struct {
		Permissions []string `json:"permissions"`
	}
	path := "/accesscontrol/itwins/" + url.PathEscape(iTwinID) + "/permissions"
	id, err := c.get(ctx, path, acceptV2, token, &answer)
	switch {
	case err != nil:
		return nil, err
	case answer.Permissions == nil: // none at all is an empty list
		return nil, undocumented("the answer has no permissions", id)
	}
	clean := newCleaner(token)
	permissions := make([]string, 0, len(answer.Permissions))
	for _, p := range answer.Permissions {
		permissions = append(permissions, clean.Text(p))
	}
	return permissions, nil
}

// get returns the correlation id of the answer, or of the request where there is
// none.
func (c *Client) get(ctx context.Context, path, accept string, token secret.Text, answer any) (string, error) {
	limited, cancel := context.WithTimeout(ctx, c.options.RequestTimeout)
	defer cancel()
	var progress outbound.Progress
	id, _ := uuid.GenerateUUID() // crypto/rand returns no errors
	request, err := c.request(progress.Watch(limited), path, accept, token, id)
	if err != nil {
		return id, &Error{Stage: outbound.StageConnect, Detail: "the api_url isn't a URL", CorrelationID: id}
	}
	response, err := outbound.NewHTTPClient(c.transport).Do(request)
	if err != nil {
		return id, c.unanswered(err, progress.Stage(), id)
	}
	defer func() { _ = response.Body.Close() }() // what was to be read has been
	clean := newCleaner(token)
	if theirs := clean.Text(response.Header.Get("X-Correlation-Id")); theirs != "" {
		id = theirs
	}
	body, whole, err := outbound.ReadBody(response)
	switch {
	case err != nil:
		return id, c.unanswered(err, outbound.StageRead, id)
	case response.StatusCode != http.StatusOK:
		return id, c.refusal(response, body, clean, id)
	case !whole || json.Unmarshal(body, answer) != nil:
		return id, undocumented("the answer isn't the JSON that is documented", id)
	}
	return id, nil
}

func (c *Client) request(ctx context.Context, path, accept string, token secret.Text, id string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.options.APIURL+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("Authorization", "Bearer "+token.Reveal())
	request.Header.Set("X-Correlation-Id", id)
	if c.options.UserAgent != "" {
		request.Header.Set("User-Agent", c.options.UserAgent)
	}
	return request, nil
}

// undocumented is a 200 that Bentley's documentation doesn't know.
func undocumented(detail, id string) *Error {
	return &Error{Stage: outbound.StageDecode, Status: http.StatusOK, Detail: detail, CorrelationID: id}
}

func (u User) cleaned(token secret.Text) User {
	clean := newCleaner(token)
	return User{
		ID:               clean.Text(u.ID),
		DisplayName:      clean.Text(u.DisplayName),
		Email:            clean.Text(u.Email),
		OrganizationName: clean.Text(u.OrganizationName),
	}
}

func newCleaner(token secret.Text) outbound.Cleaner { return outbound.NewCleaner(token.Reveal()) }
