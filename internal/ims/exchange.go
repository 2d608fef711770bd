package ims

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/scopes"
)

// notOAuth describes an answer that doesn't come from a token endpoint.
const notOAuth = "the answer is neither a token nor an OAuth error"

// maxCode is longer than any error code that is registered, in characters.
const maxCode = 64

// oauthCode matches the error codes of RFC 6749 and RFC 6750. A gateway's "Bad
// Request" doesn't.
var oauthCode = regexp.MustCompile(`\A[a-z_]+\z`)

// exchange is the http.RoundTripper of a single exchange. It leaves x/oauth2 only
// answers that it reads as RFC 6749 means.
type exchange struct {
	client        *Client
	wanted        scopes.Set
	correlationID string
	// answer is the JSON object of a 200, for what x/oauth2 doesn't read as we do.
	answer map[string]json.RawMessage
}

// RoundTrip implements http.RoundTripper.
func (x *exchange) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := request.Clone(request.Context()) // a RoundTripper must not change what it is given
	asked.Header.Set("Accept", "application/json")
	answer, failure := x.client.sender.Do(asked, decidedByStatus)
	if failure != nil {
		x.correlationID = failure.CorrelationID
		return nil, unanswered(failure)
	}
	x.correlationID = answer.CorrelationID
	switch now := x.client.options.Clock()(); {
	case decidedByStatus(answer.Status):
		return nil, byStatus(answer.Status, answer.Header, now, notOAuth)
	case answer.Status == http.StatusOK && answer.Damage == nil && kindOf(answer.Body) != "":
		return nil, malformed(kindOf(answer.Body))
	case answer.Damage != nil && answer.Status == http.StatusOK:
		damaged := malformed(answer.Damage.Detail)
		damaged.Stage = answer.Damage.Stage
		return nil, damaged
	case answer.Damage != nil:
		return nil, byStatus(answer.Status, answer.Header, now, answer.Damage.Detail)
	}
	if answer.Status == http.StatusOK && json.Unmarshal(answer.Body, &x.answer) == nil {
		answer.Body = x.withoutLifetime()
	}
	// x/oauth2 reads an answer of another type as a query string.
	answer.Header.Set("Content-Type", "application/json")
	return &http.Response{
		StatusCode: answer.Status, Header: answer.Header, Request: request,
		Body: io.NopCloser(bytes.NewReader(answer.Body)),
	}, nil
}

// withoutLifetime drops expires_in, of which x/oauth2 accepts only whole numbers.
func (x *exchange) withoutLifetime() []byte {
	rest := maps.Clone(x.answer)
	delete(rest, fieldExpiresIn)
	body, _ := json.Marshal(rest) //nolint:errchkjson // what was decoded can be encoded
	return body
}

// decidedByStatus tells answers whose body doesn't matter. It stays unread, as a slow
// proxy's error page isn't worth the wait.
func decidedByStatus(status int) bool {
	return status != http.StatusOK && status != http.StatusBadRequest && status != http.StatusUnauthorized
}

// kindOf names what is there in place of JSON; "" if it may be JSON.
func kindOf(body []byte) string {
	switch body = bytes.TrimSpace(body); {
	case len(body) == 0:
		return "the answer is empty"
	case body[0] == '<':
		return "the answer is a web page, such as one from a proxy or a login form"
	}
	return ""
}

// byStatus explains an answer by its status alone; otherwise is the detail if the status
// doesn't say enough.
func byStatus(status int, header http.Header, now time.Time, otherwise string) *Error {
	failure := &Error{Stage: outbound.StageStatus, Status: status, RetryAfter: outbound.RetryAfter(header, now)}
	switch {
	case status == http.StatusTooManyRequests:
		failure.Kind = RateLimited
	case status == http.StatusProxyAuthRequired:
		failure.Kind, failure.Detail = Foreign, "a proxy requires a user name and password"
	case status == http.StatusNetworkAuthenticationRequired:
		failure.Kind, failure.Detail = Foreign, "the network requires a login first (captive portal)"
	case status >= 500:
		failure.Kind = Unavailable
	case status >= 300 && status < 400:
		failure.Kind, failure.Detail = Foreign, "redirects are not followed"
	default:
		failure.Kind, failure.Detail = Foreign, otherwise
	}
	return failure
}

// unanswered is a request that brought no answer.
func unanswered(f *outbound.Error) *Error {
	failure := &Error{Kind: Unreachable, Stage: f.Stage, Detail: f.Detail, GODEBUG: f.GODEBUG, CorrelationID: f.CorrelationID}
	if f.TimedOut {
		failure.Kind, failure.Limit = TimedOut, f.Limit
	}
	return failure
}

// newCleaner knows the secret as it is sent, and both spellings of its Basic form.
func newCleaner(o Options) outbound.Cleaner {
	id, value := o.ClientID, o.ClientSecret.Reveal()
	return outbound.NewCleaner(value, basic(id+":"+value), basic(url.QueryEscape(id)+":"+url.QueryEscape(value)))
}

// basic returns credentials of RFC 7617. The first characters, which are the client id's
// alone, don't give the secret away, but an answer has no reason to repeat them either.
func basic(credentials string) string { return base64.StdEncoding.EncodeToString([]byte(credentials)) }
