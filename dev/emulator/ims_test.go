package emulator_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func TestSecretsOfEveryAlphabetWorkInBothStyles(t *testing.T) {
	t.Parallel()
	for style, method := range map[oauth2.AuthStyle]string{
		oauth2.AuthStyleInParams: "client_secret_post",
		oauth2.AuthStyleInHeader: "client_secret_basic",
	} {
		env := newEnv(t)
		for _, secret := range []string{clientSecret, "+/=:&%", "100%25", "with spaces ", "pässwörd-密码", ":"} {
			app := testApp()
			app.ClientID, app.ClientSecret = "service:+/%", secret
			env.SetApp(app)
			config := clientcredentials.Config{
				ClientID: app.ClientID, ClientSecret: secret, TokenURL: env.URL() + "/connect/token", AuthStyle: style,
			}
			_, err := config.Token(t.Context())
			require.NoError(t, err, "%s with %s", method, secret)
		}
		for _, issued := range env.Issued() {
			require.Equal(t, method, issued.AuthMethod)
			require.Equal(t, testApp().Scopes, issued.Scope, "all of the app's, as none was asked for")
		}
	}
}

func TestTokenRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	for name, test := range map[string]struct {
		field, value string
		status       int
		code         string
	}{
		"an unknown client":             {"client_id", "service-other", http.StatusUnauthorized, "invalid_client"},
		"a wrong secret":                {"client_secret", "other", http.StatusUnauthorized, "invalid_client"},
		"no secret":                     {"client_secret", "", http.StatusUnauthorized, "invalid_client"},
		"a scope that isn't on the app": {"scope", "itwin-platform enterprise", http.StatusBadRequest, "invalid_scope"},
		"a grant for people":            {"grant_type", "authorization_code", http.StatusBadRequest, "unauthorized_client"},
		"a grant that doesn't exist":    {"grant_type", "password", http.StatusBadRequest, "unsupported_grant_type"},
		"a request that names no grant": {"grant_type", "", http.StatusBadRequest, "invalid_request"},
	} {
		form := grant()
		form.Set(test.field, test.value)
		got, err := env.exchange(form)
		require.NoError(t, err)
		require.Equal(t, test.status, got.status, name)
		require.Equal(t, test.code, got.fields(t)["error"], name)
	}
	inURL := "/connect/token?" + grant().Encode()
	require.Equal(t, http.StatusBadRequest, env.mustSend(http.MethodGet, inURL, "").status)
	require.Equal(t, http.StatusBadRequest, env.mustSend(http.MethodPost, inURL, "").status)
	require.Empty(t, env.Issued())
}

func TestTokensAreThoseOfIMSAndVerify(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.SetLifetime(20 * time.Minute)
	provider, err := oidc.NewProvider(t.Context(), env.URL())
	require.NoError(t, err)
	verifier := provider.Verifier(&oidc.Config{SkipClientIDCheck: true})
	got, err := env.exchange(grant())
	require.NoError(t, err)
	require.InDelta(t, 1200, got.fields(t)["expires_in"], 0)
	token := got.fields(t)["access_token"].(string)
	digest := sha256.Sum256([]byte(token))
	require.Equal(t, hex.EncodeToString(digest[:]), env.Issued()[0].SHA256)

	verified, err := verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, env.Issued()[0].Expiry, verified.Expiry.UTC())
	require.Equal(t, 20*time.Minute, verified.Expiry.Sub(verified.IssuedAt))
	var claims struct {
		ClientID string   `json:"client_id"`
		Scope    []string `json:"scope"`
	}
	require.NoError(t, verified.Claims(&claims))
	require.Equal(t, clientID, claims.ClientID)
	require.Equal(t, []string{"itwin-platform"}, claims.Scope)
}

func TestPlatform(t *testing.T) {
	t.Parallel()
	const (
		acceptV1 = "application/vnd.bentley.itwin-platform.v1+json"
		acceptV2 = "application/vnd.bentley.itwin-platform.v2+json"
		members  = "/accesscontrol/itwins/"
	)
	env := newEnv(t)
	good := env.mustToken()
	sign := func(field string, value any) string {
		claims := map[string]any{
			"client_id": clientID, "scope": []string{"itwin-platform"}, "iss": env.URL(), "exp": time.Now().Add(time.Hour).Unix(),
		}
		claims[field] = value
		signed, err := env.Sign(claims)
		require.NoError(t, err)
		return signed
	}
	for name, test := range map[string]struct {
		path, accept, token string
		status              int
		answer              string
	}{
		"the app":                       {"/users/me", acceptV1, good, 200, clientID + "@apps.imsoidc.bentley.com"},
		"its permissions":               {members + iTwinID + "/permissions", acceptV2, good, 200, "imodels_read"},
		"its iTwins":                    {"/itwins?subClass=Project", "", good, 200, iTwinID},
		"the iModels of one":            {"/imodels?iTwinId=" + iTwinID, acceptV2, good, 200, iTwinID},
		"permissions of others":         {members + "other/permissions", acceptV2, good, 404, "ResourceNotFound"},
		"iModels of others":             {"/imodels?iTwinId=other", acceptV2, good, 404, "ResourceNotFound"},
		"another version":               {"/users/me", acceptV2, good, 404, "ResourceNotFound"},
		"no token":                      {"/users/me", acceptV1, "", 401, "HeaderNotFound"},
		"a token of another signer":     {"/users/me", acceptV1, newEnv(t).mustToken(), 401, "InvalidToken"},
		"an expired token":              {"/users/me", acceptV1, sign("exp", 1), 401, "InvalidToken"},
		"a token of another issuer":     {"/users/me", acceptV1, sign("iss", "https://other.example"), 401, "InvalidToken"},
		"a token of an app that's gone": {"/users/me", acceptV1, sign("client_id", "gone"), 401, "UnknownClient"},
		"a token of another scope":      {"/users/me", acceptV1, sign("scope", []string{"itwins:read"}), 401, "MissingScope"},
	} {
		got := env.mustSend(http.MethodGet, test.path, "",
			"Accept", test.accept, "Authorization", "Bearer "+test.token, "X-Correlation-Id", "mine")
		require.Equal(t, test.status, got.status, name)
		require.Contains(t, got.body, test.answer, name)
		require.Equal(t, "mine", got.header.Get("X-Correlation-Id"), name)
	}
}
