package emulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// segment decodes the nth part of a JWT in compact form.
func segment(t *testing.T, token string, n int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(raw, &fields))
	return fields
}

func TestTokenLooksLikeOneOfIMS(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	env := newEnv(t, func(o *emulator.Options) { o.Now = func() time.Time { return now } })
	env.SetLifetime(20 * time.Minute)

	response := env.exchange()
	token, got := response.token(t), response.fields(t)
	delete(got, "access_token")
	require.Equal(t, map[string]any{"token_type": "Bearer", "expires_in": 1200.0}, got)
	require.Equal(t, map[string]any{"alg": "RS256", "kid": "BentleyIMS_2026", "pi.atm": "a8me"}, segment(t, token, 0))

	claims := segment(t, token, 1)
	issued := env.Issued()[0]
	require.Equal(t, []any{"itwin-platform"}, claims["scope"])
	require.Equal(t, clientID, claims["client_id"])
	require.Equal(t, clientID+"@apps.imsoidc.bentley.com", claims["email"])
	require.Equal(t, env.URL(), claims["iss"])
	require.EqualValues(t, now.Unix(), claims["iat"])
	require.EqualValues(t, now.Add(-5*time.Minute).Unix(), claims["nbf"])
	require.EqualValues(t, now.Add(20*time.Minute).Unix(), claims["exp"])
	require.Equal(t, issued.ID, claims["jti"])
	for _, claim := range []string{"sub", "org", "org_name", "ultimate_site", "name", "aud"} {
		require.NotEmpty(t, claims[claim], claim)
	}
	digest := sha256.Sum256([]byte(token))
	require.Equal(t, hex.EncodeToString(digest[:]), issued.SHA256)
	require.Equal(t, now.Add(20*time.Minute), issued.Expiry)
}

func TestTokensVerifyAgainstDiscoveredKeysBeforeAndAfterAKeyRotation(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	provider, err := oidc.NewProvider(oidc.ClientContext(t.Context(), env.client), env.URL())
	require.NoError(t, err)
	verifier := provider.Verifier(&oidc.Config{SkipClientIDCheck: true})

	before := env.mustToken()
	_, err = verifier.Verify(t.Context(), before)
	require.NoError(t, err)

	require.NoError(t, env.RotateKey())
	after := env.mustToken()
	require.Equal(t, "BentleyIMS_2027", segment(t, after, 0)["kid"])
	for _, token := range []string{before, after} {
		_, err = verifier.Verify(t.Context(), token)
		require.NoError(t, err)
	}
	_, err = verifier.Verify(t.Context(), after[:len(after)-8]+"AAAAAAAA")
	require.Error(t, err)
}

func TestTokensOfAWithdrawnKeyVerifyNoLonger(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	before := env.mustToken()
	require.NoError(t, env.RotateKey())
	env.WithdrawKeys()
	requirePlatformError(t, env.me(before), http.StatusUnauthorized, "InvalidToken")
	require.Equal(t, http.StatusOK, env.me(env.mustToken()).status)
	require.NoError(t, env.RotateKey())
	require.Equal(t, "BentleyIMS_2028", segment(t, env.mustToken(), 0)["kid"], "a key's name isn't used again")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	tests := map[string]struct {
		change func(url.Values)
		status int
		code   string
	}{
		"an unknown client is an invalid client": {
			func(f url.Values) { f.Set("client_id", "service-other") }, http.StatusUnauthorized, "invalid_client",
		},
		"a wrong secret is an invalid client": {
			func(f url.Values) { f.Set("client_secret", "other") }, http.StatusUnauthorized, "invalid_client",
		},
		"no secret is an invalid client": {
			func(f url.Values) { f.Del("client_secret") }, http.StatusUnauthorized, "invalid_client",
		},
		"a scope that isn't on the app is refused": {
			func(f url.Values) { f.Set("scope", "itwin-platform enterprise") }, http.StatusBadRequest, "invalid_scope",
		},
		"a grant for people is refused to a service": {
			func(f url.Values) { f.Set("grant_type", "authorization_code") }, http.StatusBadRequest, "unauthorized_client",
		},
		"a grant that doesn't exist is refused": {
			func(f url.Values) { f.Set("grant_type", "password") }, http.StatusBadRequest, "unsupported_grant_type",
		},
		"a request without a grant is invalid": {
			func(f url.Values) { f.Del("grant_type") }, http.StatusBadRequest, "invalid_request",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := grant()
			test.change(form)
			got := env.do(env.tokenRequest(form))
			require.Equal(t, test.status, got.status, got.body)
			require.Equal(t, test.code, got.fields(t)["error"])
			require.NotContains(t, got.body, clientSecret)
		})
	}
	require.Empty(t, env.Issued())
}

func TestInvalidClientHasTheTextOfIMS(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.RemoveApp(clientID)
	require.Equal(t, "Invalid client or client credentials.", env.exchange().fields(t)["error_description"])
}

func TestNoScopeMeansAllOfTheAppsScopes(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	form := grant()
	form.Del("scope")
	require.Equal(t, http.StatusOK, env.do(env.tokenRequest(form)).status)
	require.Equal(t, testApp().Scopes, env.Issued()[0].Scope)
}

func TestCredentialsInTheURLAreRefused(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	path := "/connect/token?" + grant().Encode()
	require.Equal(t, http.StatusMethodNotAllowed, env.do(env.request(http.MethodGet, path, "")).status)
	require.Equal(t, http.StatusBadRequest, env.do(env.request(http.MethodPost, path, "")).status)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	for _, path := range []string{"/healthz", "/ready"} {
		require.Equal(t, http.StatusOK, env.do(env.request(http.MethodGet, path, "")).status, path)
	}
	require.Zero(t, env.Exchanges())
}
