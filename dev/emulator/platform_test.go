package emulator_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	acceptV1        = "application/vnd.bentley.itwin-platform.v1+json"
	acceptV2        = "application/vnd.bentley.itwin-platform.v2+json"
	permissionsPath = "/accesscontrol/itwins/" + iTwinID + "/permissions"
)

func (e *environment) call(path, accept, token string) answer {
	e.t.Helper()
	r := e.request(http.MethodGet, path, "")
	r.Header.Set("Accept", accept)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return e.do(r)
}

func (e *environment) me(token string) answer { return e.call("/users/me", acceptV1, token) }

// requirePlatformError checks the documented shape of an error.
func requirePlatformError(t *testing.T, got answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	body, ok := got.fields(t)["error"].(map[string]any)
	require.True(t, ok, got.body)
	require.Equal(t, code, body["code"])
	require.NotEmpty(t, body["message"])
	require.Equal(t, []any{}, body["details"])
	require.NotEmpty(t, got.header.Get("X-Correlation-Id"))
}

func TestAServiceAppIsAUser(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	got := env.me(env.mustToken())
	require.Equal(t, http.StatusOK, got.status, got.body)
	user, ok := got.fields(t)["user"].(map[string]any)
	require.True(t, ok, got.body)
	require.Equal(t, testApp().Email(), user["email"])
	for _, field := range []string{
		"id", "displayName", "givenName", "surname", "alternateEmail", "phone", "organizationName", "city", "country",
		"language", "createdDateTime",
	} {
		require.Contains(t, user, field)
	}
}

func TestPermissionsAreThoseOfTheITwin(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	got := env.call(permissionsPath, acceptV2, env.mustToken())
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, map[string]any{"permissions": []any{"imodels_read", "imodels_write"}}, got.fields(t))
}

func TestCorrelationIDIsEchoedOrMade(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	r := env.request(http.MethodGet, "/users/me", "")
	r.Header.Set("X-Correlation-Id", "mine")
	require.Equal(t, "mine", env.do(r).header.Get("X-Correlation-Id"))
	require.Len(t, env.me("").header.Get("X-Correlation-Id"), 36)
}

func TestPlatformRefusals(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	token := env.mustToken()
	narrow := grant()
	narrow.Set("scope", "itwins:read")
	withoutScope := env.do(env.tokenRequest(narrow)).token(t)
	sign := func(change func(claims map[string]any)) string {
		claims := map[string]any{
			"client_id": clientID, "scope": []string{"itwin-platform"}, "iss": env.URL(),
			"exp": time.Now().Add(time.Hour).Unix(),
		}
		change(claims)
		signed, err := env.Sign(claims)
		require.NoError(t, err)
		return signed
	}
	other := newEnv(t).mustToken()

	tests := map[string]struct {
		path, accept, token string
		status              int
		code                string
	}{
		"a request without a token":      {"/users/me", acceptV1, "", 401, "HeaderNotFound"},
		"a token that isn't one":         {"/users/me", acceptV1, "nonsense", 401, "InvalidToken"},
		"a token of another signer":      {"/users/me", acceptV1, other, 401, "InvalidToken"},
		"a token without the scope":      {"/users/me", acceptV1, withoutScope, 401, "MissingScope"},
		"users/me in another version":    {"/users/me", acceptV2, token, 404, "ResourceNotFound"},
		"permissions in another version": {permissionsPath, acceptV1, token, 404, "ResourceNotFound"},
		"an iTwin without the app as a member": {
			"/accesscontrol/itwins/other/permissions", acceptV2, token, 404, "ResourceNotFound",
		},
		"a token past its time": {"/users/me", acceptV1, sign(func(c map[string]any) { c["exp"] = 1 }), 401, "InvalidToken"},
		"a token of another issuer": {
			"/users/me", acceptV1, sign(func(c map[string]any) { c["iss"] = "https://other.example" }), 401, "InvalidToken",
		},
		"a token of an app that is gone": {
			"/users/me", acceptV1, sign(func(c map[string]any) { c["client_id"] = "gone" }), 401, "UnknownClient",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requirePlatformError(t, env.call(test.path, test.accept, test.token), test.status, test.code)
		})
	}
	require.Equal(t, http.StatusOK, env.me(sign(func(map[string]any) {})).status)
}

func TestTokensExpireByTheClockHandedIn(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	clock := make(chan time.Time, 1)
	clock <- start
	env := newEnv(t, func(o *emulator.Options) {
		o.Now = func() time.Time {
			now := <-clock
			clock <- now
			return now
		}
	})
	token := env.mustToken()
	require.Equal(t, http.StatusOK, env.me(token).status)
	clock <- (<-clock).Add(2 * time.Hour)
	requirePlatformError(t, env.me(token), http.StatusUnauthorized, "InvalidToken")
}

func TestFaultsAtThePlatform(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  emulator.Fault
		status int
		code   string
	}{
		"403 lacks permissions":          {emulator.Fault{Status: http.StatusForbidden}, 403, "InsufficientPermissions"},
		"401 doesn't know the client":    {emulator.Fault{Status: http.StatusUnauthorized}, 401, "UnknownClient"},
		"a rate limit is the app's":      {emulator.Fault{RetryAfter: time.Minute}, 429, "RateLimitExceeded"},
		"a code of its own is sent":      {emulator.Fault{Error: "TooManyRequests", Status: 429}, 429, "TooManyRequests"},
		"a fault of the Platform itself": {emulator.Fault{Status: http.StatusBadGateway}, 502, "InternalServerError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t)
			token := env.mustToken()
			test.fault.At = emulator.Platform
			env.Fault(test.fault)
			requirePlatformError(t, env.me(token), test.status, test.code)
		})
	}

	env := newEnv(t)
	env.Fault(emulator.Fault{At: emulator.Platform, Status: http.StatusBadGateway, Body: "<p>bad gateway"})
	require.Equal(t, "<p>bad gateway", env.call(permissionsPath, acceptV2, "").body)
}
