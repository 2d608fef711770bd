package platform

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

const token = "canary.token.value"

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func newClient(t *testing.T, timeout time.Duration, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	client, err := NewClient(Options{
		APIURL:  server.URL,
		Options: outbound.Options{Timeout: timeout, TLSMinVersion: outbound.TLS12, UserAgent: "test/1", Now: noon},
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func mustFail(t *testing.T, client *Client) *Error {
	t.Helper()
	_, err := client.Me(t.Context(), secret.New(token))
	var failure *Error
	require.ErrorAs(t, err, &failure)
	require.NotContains(t, err.Error(), "canary")
	require.NotEmpty(t, failure.CorrelationID)
	return failure
}

func TestMeAsksAsDocumentedAndReturnsTheUser(t *testing.T) {
	t.Parallel()
	client := newClient(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/users/me" || r.Header.Get("Accept") != acceptV1 || r.Header.Get("Authorization") != "Bearer "+token ||
			r.Header.Get("User-Agent") != "test/1" || len(r.Header.Get("X-Correlation-Id")) != 36 {
			http.Error(w, "not as documented", http.StatusBadRequest)
			return
		}
		saying(http.StatusOK, `{"user":{"id":"1","displayName":"a\u202eb","givenName":"canary.token.value",`+
			`"email":"e","organizationName":"o"}}`)(w, r)
	})
	user, err := client.Me(t.Context(), secret.New(token))
	require.NoError(t, err)
	require.Equal(t, User{ID: "1", DisplayName: "ab", Email: "e", OrganizationName: "o"}, user)
}

func TestPermissionsMayBeNoneButNotAbsent(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"permissions":["a","b"]}`: {"a", "b"}, `{"permissions":[]}`: {}, `{"permissions":null}`: nil, `{}`: nil, `{"permissions":"a"}`: nil,
	} {
		client := newClient(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.EscapedPath() != "/accesscontrol/itwins/a%2Fb/permissions" || r.Header.Get("Accept") != acceptV2 {
				http.Error(w, "not as documented", http.StatusBadRequest)
				return
			}
			saying(http.StatusOK, body)(w, r)
		})
		got, err := client.Permissions(t.Context(), secret.New(token), "a/b")
		require.Equal(t, want, got, body)
		require.Equal(t, want == nil, err != nil, body)
	}
}

func TestErrorsOfEveryShapeAreTold(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ body, want string }{
		"the documented shape":         {`{"error":{"code":"C","message":"M","details":[{"code":"D"}]}}`, "status 403: C: M [D]"},
		"a bare code and message":      {`{"code":"C","message":"M"}`, "status 403: C: M"},
		"a status code and message":    {`{"statusCode":403,"message":"M"}`, "status 403: M"},
		"a code alone":                 {`{"error":{"code":"C"}}`, "status 403: C"},
		"a code that is a number":      {`{"code":403,"message":"M"}`, "status 403: M"},
		"an error that is null":        {`{"error":null,"code":"C","message":"M"}`, "status 403: C: M"},
		"an error that is a text":      {`{"error":"canary"}`, "status 403: no reason given"},
		"an error in an error":         {`{"error":{"error":{"message":"canary"}}}`, "status 403: no reason given"},
		"a list":                       {`[{"code":"canary"}]`, "status 403: no reason given"},
		"a page":                       {"<html>canary</html>", "status 403: no reason given"},
		"nothing":                      {"", "status 403: no reason given"},
		"a message that quotes us":     {`{"message":"what is canary.token.value?"}`, "status 403: no reason given"},
		"a message that hides its end": {"{\"message\":\"M\\u001b[2J\\r\\n\"}", "status 403: M[2J"},
		"a message without an end":     {`{"message":"` + strings.Repeat("x", 300) + `"}`, "status 403: " + strings.Repeat("x", 199) + "…"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failure := mustFail(t, newClient(t, time.Minute, saying(http.StatusForbidden, c.body)))
			require.Equal(t, http.StatusForbidden, failure.Status)
			require.Equal(t, "the iTwin Platform at "+failure.URL+" (stage HTTP status): "+c.want+
				" (correlation id "+failure.CorrelationID+")", failure.Error())
			require.Equal(t, "/users/me", failure.URL[strings.LastIndex(failure.URL, "/users"):])
		})
	}
}

func TestAnswersOutsideTheDocumentationAreDecodingFailures(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no user": `{}`, "a user that is a list": `{"user":[]}`, "a page": "<html>canary", "nothing": "",
		"more than 1 MiB": `{"user":{"id":"` + strings.Repeat("x", outbound.MaxBody) + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failure := mustFail(t, newClient(t, time.Minute, saying(http.StatusOK, body)))
			require.Equal(t, outbound.StageDecode, failure.Stage)
		})
	}
}

func TestRetryAfterAndCorrelationIDAreThePlatforms(t *testing.T) {
	t.Parallel()
	failure := mustFail(t, newClient(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.Header().Set("X-Correlation-Id", "theirs")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	require.Equal(t, 7*time.Second, failure.RetryAfter)
	require.Contains(t, failure.Error(), "it asks clients to wait 7s (correlation id theirs)")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the request was carried to %s", r.Host)
	}))
	t.Cleanup(elsewhere.Close)
	failure := mustFail(t, newClient(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	require.Equal(t, http.StatusTemporaryRedirect, failure.Status)
}

func TestAPlatformThatHangsIsNamedAsSuch(t *testing.T) {
	t.Parallel()
	client := newClient(t, 50*time.Millisecond, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	failure := mustFail(t, client)
	require.Zero(t, failure.Status)
	require.Contains(t, failure.Error(), "no answer within 50ms")
}

func TestClientNeedsATrustThatCanBeRead(t *testing.T) {
	t.Parallel()
	o := outbound.Options{Timeout: time.Second, CACert: "x", TLSMinVersion: outbound.TLS12}
	_, err := NewClient(Options{APIURL: "https://api.bentley.com", Options: o})
	require.Error(t, err)
}

func TestClientIsNotMadeForAHostThatIsNotAllowed(t *testing.T) {
	t.Parallel()
	allowed, err := outbound.ParseAllowedHosts("*.bentley.com")
	require.NoError(t, err)
	o := outbound.Options{Timeout: time.Second, TLSMinVersion: outbound.TLS12, AllowedHosts: allowed}
	_, err = NewClient(Options{APIURL: "https://api.example", Options: o})
	require.ErrorAs(t, err, new(*outbound.HostError))
}

func TestTheDetailsOfAnErrorAreToldAndUnderstood(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		words string
		cause Cause
	}{
		`{"error":{"code":"Unauthorized","message":"M","details":[{"code":"UnknownClient","message":"N","target":"t"}]}}`: {
			"Unauthorized: M [UnknownClient: N (t)]", UnknownClient,
		},
		`{"error":{"code":"Unauthorized","details":[{"message":"The token lacks the scope itwin-platform"},{"code":"X"}]}}`: {
			"Unauthorized [The token lacks the scope itwin-platform; X]", MissingScope,
		},
		`{"code":"Forbidden","details":"Administrator consent is required"}`: {
			"Forbidden [Administrator consent is required]", MissingConsent,
		},
		`{"error":{"code":"C","details":{"code":"D"}}}`:                    {"C [D]", ""},
		`{"error":{"code":"C","details":[7,null,[],{}]}}`:                  {"C", ""},
		`{"error":{"code":"C","details":[{"code":"canary.token.value"}]}}`: {"C", ""},
		`{"error":{"code":"C","details":["1","2","3","4","5","6"]}}`:       {"C [1; 2; 3; 4; 5]", ""},
		`{"error":{"details":[{"code":"D","message":7}]}}`:                 {"[D]", ""},
	} {
		failure := mustFail(t, newClient(t, time.Minute, saying(http.StatusUnauthorized, body)))
		require.Contains(t, failure.Error(), "): status 401: "+want.words+" (correlation id", body)
		require.Equal(t, want.cause, failure.Cause(), body)
	}
}

func TestACorrelationIDThatQuotesTheTokenIsNotTaken(t *testing.T) {
	t.Parallel()
	failure := mustFail(t, newClient(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Correlation-Id", "CANARY%2EToken")
		w.WriteHeader(http.StatusForbidden)
	}))
	require.Len(t, failure.CorrelationID, 36)
}
