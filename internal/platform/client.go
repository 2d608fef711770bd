// Package platform asks the iTwin Platform who the caller is and what it may do.
// It knows nothing of OAuth's exchange or of Vault.
package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

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
	outbound.Options
	// APIURL is the base URL, as outbound.ParseEndpoint allows it.
	APIURL string
	// ClientSecret is never sent. No text of the Platform's that holds it is shown, as
	// a gateway in front of both may have seen it on its way to IMS.
	ClientSecret secret.Text
}

// Client asks the Platform. It is safe for concurrent use.
type Client struct {
	options Options
	sender  *outbound.Client
}

// User is the caller as users/me shows it. For a service app Email is the address
// to invite to iTwins. A text that must not be shown is empty.
type User struct {
	ID               string `json:"id"`
	DisplayName      string `json:"displayName"`
	Email            string `json:"email"`
	OrganizationName string `json:"organizationName"`
}

// ParseAPIURL is outbound.ParseEndpoint for the Platform's base URL. Given one of its
// APIs, the error says what to type instead: at Bentley's own hosts, all APIs are below
// the root.
func ParseAPIURL(raw string) (string, error) {
	endpoint, err := outbound.ParseEndpoint(raw)
	if err != nil {
		return "", err
	}
	scheme, rest, _ := strings.Cut(endpoint, "://")
	if host, _, isAPI := strings.Cut(rest, "/"); isAPI && strings.HasSuffix(host, "api.bentley.com") {
		return "", fmt.Errorf("must be the base URL alone: type %s://%s", scheme, host)
	}
	return endpoint, nil
}

// NewClient does no I/O.
func NewClient(o Options) (*Client, error) {
	endpoint, err := outbound.ParseEndpoint(o.APIURL)
	if err != nil {
		return nil, fmt.Errorf("reading the API URL: the URL %w", err)
	}
	sender, err := outbound.NewClient(endpoint, o.Options)
	if err != nil {
		return nil, err
	}
	o.APIURL = endpoint
	return &Client{options: o, sender: sender}, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.sender.Close() }

// Me returns the user that the token stands for. It needs no membership in any
// iTwin. Every error is an *Error.
func (c *Client) Me(ctx context.Context, token secret.Text) (User, error) {
	var answer struct {
		User *User `json:"user"`
	}
	asked, err := c.get(ctx, "/users/me", acceptV1, token, &answer)
	switch {
	case err != nil:
		return User{}, err
	case answer.User == nil:
		return User{}, asked.undocumented("the answer has no user")
	}
	clean := asked.cleaner.Text
	return User{
		ID:               clean(answer.User.ID),
		DisplayName:      clean(answer.User.DisplayName),
		Email:            clean(answer.User.Email),
		OrganizationName: clean(answer.User.OrganizationName),
	}, nil
}

// Permissions returns what the caller may do in an iTwin, which may be nothing. Every error is an *Error.
func (c *Client) Permissions(ctx context.Context, token secret.Text, iTwinID string) ([]string, error) {
	var answer struct {
		Permissions []string `json:"permissions"`
	}
	path := "/accesscontrol/itwins/" + url.PathEscape(iTwinID) + "/permissions"
	asked, err := c.get(ctx, path, acceptV2, token, &answer)
	switch {
	case err != nil:
		return nil, err
	case answer.Permissions == nil: // none at all is an empty list
		return nil, asked.undocumented("the answer has no permissions")
	}
	permissions := make([]string, 0, len(answer.Permissions))
	for _, p := range answer.Permissions {
		if shown := asked.cleaner.Text(p); shown != "" {
			permissions = append(permissions, shown)
		}
	}
	return permissions, nil
}

// question is what an answer or an Error is about.
type question struct {
	url string
	// correlationID is the answer's, or else the request's.
	correlationID string
	cleaner       outbound.Cleaner
}

// get asks for path and reads the JSON of a 200 into answer.
func (c *Client) get(ctx context.Context, path, accept string, token secret.Text, answer any) (question, error) {
	asked := question{cleaner: outbound.NewCleaner(token.Reveal(), c.options.ClientSecret.Reveal())}
	asked.url = asked.cleaner.Text(c.options.APIURL + path)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.options.APIURL+path, http.NoBody)
	if err != nil {
		return asked, &Error{Stage: outbound.StageConnect, URL: asked.url, Detail: "the api_url isn't a URL"}
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("Authorization", "Bearer "+token.Reveal())
	got, failure := c.sender.Do(request, nil)
	if failure != nil {
		return asked, &Error{
			Stage: failure.Stage, URL: asked.url, Detail: failure.Reason(),
			GODEBUG: failure.GODEBUG, CorrelationID: failure.CorrelationID,
		}
	}
	asked.correlationID = got.CorrelationID
	if theirs := asked.cleaner.Text(got.Header.Get("X-Correlation-Id")); theirs != "" {
		asked.correlationID = theirs
	}
	switch {
	case got.Status != http.StatusOK:
		return asked, asked.refusal(got, outbound.RetryAfter(got.Header, c.options.Clock()()))
	case got.Damage != nil:
		return asked, asked.undocumented(got.Damage.Detail)
	case json.Unmarshal(got.Body, answer) != nil:
		return asked, asked.undocumented("the answer isn't the JSON that is documented")
	}
	return asked, nil
}

// undocumented is a 200 that Bentley's documentation doesn't know.
func (q question) undocumented(detail string) *Error {
	return &Error{
		Stage: outbound.StageDecode, URL: q.url, Status: http.StatusOK,
		Detail: detail, CorrelationID: q.correlationID,
	}
}
