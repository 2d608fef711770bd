package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func (e *environment) post(path string, form url.Values) answer {
	e.t.Helper()
	r := e.request(http.MethodPost, path, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return e.do(r)
}

func withCredentials(form url.Values) url.Values {
	form.Set("client_id", clientID)
	form.Set("client_secret", clientSecret)
	return form
}

func TestDiscoveryHasWhatOpenIDConnectRequiresAndEveryEndpointExists(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	found := env.do(env.request(http.MethodGet, "/.well-known/openid-configuration", "")).fields(t)
	require.Equal(t, env.URL(), found["issuer"])
	for _, list := range []string{
		"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported",
		"scopes_supported", "grant_types_supported", "claims_supported", "token_endpoint_auth_methods_supported",
	} {
		require.NotEmpty(t, found[list], list)
	}
	require.Subset(t, found["scopes_supported"], []any{"itwin-platform", "itwins:read"})
	for _, endpoint := range []string{
		"authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint", "userinfo_endpoint", "jwks_uri",
	} {
		path, below := strings.CutPrefix(found[endpoint].(string), env.URL())
		require.True(t, below, endpoint)
		require.NotEqual(t, http.StatusNotFound, env.do(env.request(http.MethodGet, path, "")).status, endpoint)
	}
}

func TestNobodyIsSignedIn(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	got := env.do(env.request(http.MethodGet, "/connect/authorize?response_type=code&client_id=x&redirect_uri="+
		url.QueryEscape(env.URL()), ""))
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Equal(t, "unauthorized_client", got.fields(t)["error"])
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	token := env.mustToken()
	got := env.post("/connect/introspect", withCredentials(url.Values{"token": {token}})).fields(t)
	require.Equal(t, true, got["active"])
	require.Equal(t, "itwin-platform", got["scope"], "a string, as in RFC 7662, though an array in the token")
	require.Equal(t, clientID, got["client_id"])
	require.Equal(t, "Bearer", got["token_type"])
	require.Equal(t, segment(t, token, 1)["exp"], got["exp"])

	expired, err := env.Sign(map[string]any{"iss": env.URL(), "exp": 1, "client_id": clientID})
	require.NoError(t, err)
	for name, token := range map[string]string{"expired": expired, "foreign": token[:len(token)-8] + "AAAAAAAA", "no JWT": "x"} {
		got := env.post("/connect/introspect", withCredentials(url.Values{"token": {token}}))
		require.Equal(t, http.StatusOK, got.status, name)
		require.JSONEq(t, `{"active":false}`, got.body, name)
	}
}

func TestIntrospectionAndRevocationAskWhoAsks(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	wrong := url.Values{"token": {env.mustToken()}, "client_id": {clientID}, "client_secret": {"wrong"}}
	for _, path := range []string{"/connect/introspect", "/connect/revocation"} {
		got := env.post(path, wrong)
		require.Equal(t, http.StatusUnauthorized, got.status, path)
		require.Equal(t, "invalid_client", got.fields(t)["error"], path)
	}
}

func TestARevokedTokenIsStillAJWT(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	token := env.mustToken()
	require.Equal(t, http.StatusOK, env.post("/connect/revocation", withCredentials(url.Values{"token": {token}})).status)
	require.Equal(t, http.StatusOK, env.me(token).status)
}

func TestUserinfoServesNoServiceToken(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	ask := func(token string) answer {
		r := env.request(http.MethodGet, "/connect/userinfo", "")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return env.do(r)
	}
	for token, want := range map[string]struct {
		status    int
		challenge string
	}{
		env.mustToken(): {http.StatusForbidden, `Bearer error="insufficient_scope", scope="openid"`},
		"x":             {http.StatusUnauthorized, `Bearer error="invalid_token", scope="openid"`},
		"":              {http.StatusUnauthorized, "Bearer"},
	} {
		got := ask(token)
		require.Equal(t, want.status, got.status)
		require.Equal(t, want.challenge, got.header.Get("WWW-Authenticate"))
	}
}
