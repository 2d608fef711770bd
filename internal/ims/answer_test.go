package ims

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/secret"
)

func jwt(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + ".c2ln"
}

func TestOnlyTheseLifetimesAreAccepted(t *testing.T) {
	t.Parallel()
	hour := jwt(`{"iat":1000,"exp":4600}`)
	cases := []struct {
		name, token, expiresIn string
		lifetime               time.Duration
	}{
		{"a number of seconds", "opaque", `3600`, time.Hour},
		{"a numeric string", "opaque", `"3600"`, time.Hour},
		{"the shortest", "opaque", `4`, 4 * time.Second},
		{"the longest", "opaque", `86400`, 24 * time.Hour},
		{"expires_in before the token's own claims", hour, `60`, time.Minute},
		{"longer than the token's own claims", hour, `7200`, time.Hour},
		{"null, with the token's claims", hour, `null`, time.Hour},
		{"null, with an opaque token", "opaque", `null`, 0},
		{"null, with a token without iat", jwt(`{"exp":4600}`), `null`, 0},
		{"null, with claims that aren't JSON", "a.b.c", `null`, 0},
		{"null, with claims that overflow", jwt(`{"iat":9223372036854775807,"exp":-9223372036854775000}`), `null`, 0},
		{"null, with exp before iat", jwt(`{"iat":4600,"exp":1000}`), `null`, 0},
		{"too short", "opaque", `3`, 0},
		{"too long", "opaque", `86401`, 0},
		{"zero, though the token states one", hour, `0`, 0},
		{"negative", "opaque", `-1`, 0},
		{"a fraction, rounded down", "opaque", `3600.9`, time.Hour},
		{"a whole number with a fraction", "opaque", `3600.0`, time.Hour},
		{"in exponents", "opaque", `3.6e3`, time.Hour},
		{"a fraction in a string", "opaque", `"3600.0"`, time.Hour},
		{"null, with claims in exponents", jwt(`{"iat":1e3,"exp":"4600.5"}`), `null`, time.Hour},
		{"null, with claims that are texts", jwt(`{"iat":"a","exp":4600}`), `null`, 0},
		{"a fraction below the shortest", "opaque", `3.9`, 0},
		{"out of range in exponents", "opaque", `1e12`, 0},
		{"infinite", "opaque", `1e999`, 0},
		{"hexadecimal in a string", "opaque", `"0xE10"`, 0},
		{"not a number", "opaque", `"NaN"`, 0},
		{"a list", "opaque", `[3600]`, 0},
		{"out of range", "opaque", `99999999999`, 0},
		{"an empty string", "opaque", `""`, 0},
		{"words", "opaque", `"an hour"`, 0},
		{"a boolean", "opaque", `true`, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requireLifetime(t, fmt.Sprintf(`{"access_token":%q,"expires_in":%s}`, c.token, c.expiresIn), c.lifetime)
		})
	}
	requireLifetime(t, fmt.Sprintf(`{"access_token":%q}`, hour), time.Hour)
}

// requireLifetime expects a malformed answer where lifetime is 0.
func requireLifetime(t *testing.T, body string, lifetime time.Duration) {
	t.Helper()
	o := appOptions(serve(t, answering(http.StatusOK, body)).URL)
	if lifetime == 0 {
		require.Equal(t, Malformed, mustFail(t, mustClient(t, o)).Kind)
		return
	}
	require.Equal(t, lifetime, mustGrant(t, o).Lifetime)
}

func TestOnlyBearerTokensAreAccepted(t *testing.T) {
	t.Parallel()
	for _, accepted := range []string{`"Bearer"`, `"bearer"`, `"BEARER"`, `""`, `null`} {
		body := `{"access_token":"a","expires_in":60,"token_type":` + accepted + `}`
		require.Equal(t, "Bearer", mustGrant(t, appOptions(serve(t, answering(200, body)).URL)).TokenType)
	}
	for _, refused := range []string{`"DPoP"`, `"mac"`, `" Bearer"`, `7`} {
		body := `{"access_token":"a","expires_in":60,"token_type":` + refused + `}`
		require.Equal(t, Malformed, mustFail(t, mustClient(t, appOptions(serve(t, answering(200, body)).URL))).Kind)
	}
}

func TestATokenHasTheCharactersOfRFC6750(t *testing.T) {
	t.Parallel()
	answer := func(token string) Options {
		body, err := json.Marshal(map[string]any{"access_token": token, "expires_in": 60})
		require.NoError(t, err)
		return appOptions(serve(t, answering(http.StatusOK, string(body))).URL)
	}
	for _, token := range []string{"a", "AZaz09-._~+/", "a==", strings.Repeat("a", maxToken)} {
		require.Equal(t, token, mustGrant(t, answer(token)).AccessToken.Reveal())
	}
	for _, token := range []string{
		"", "=", "a=b", "a b", "a\n", "a\x00", "a\"", "é", "a,b", "null", "undefined", strings.Repeat("a", maxToken+1),
	} {
		require.Equal(t, Malformed, mustFail(t, mustClient(t, answer(token))).Kind, "%.20q", token)
	}
}

func TestATokenThatRepeatsTheSecretIsRefused(t *testing.T) {
	t.Parallel()
	const sent = "canary+secret/of~the.app"
	part := base64.RawURLEncoding.EncodeToString([]byte(`{"client_secret":"` + sent + `"}`))
	for _, token := range []string{sent, "a" + sent + "b", "eyJh." + part + ".c2ln", part[:len(part)-1] + "."} {
		o := appOptions(serve(t, answering(http.StatusOK, fmt.Sprintf(`{"access_token":%q,"expires_in":60}`, token))).URL)
		o.ClientSecret = secret.New(sent)
		require.Equal(t, Malformed, mustFail(t, mustClient(t, o)).Kind, token)
		o.ClientSecret = secret.New("canary")
		mustGrant(t, o)
	}
}

func TestWhatSurroundsAnAccessTokenDoesNotMatter(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"white space around the object": " \r\n\t{ \"access_token\" : \"a\" , \"expires_in\" : 60 }\n\n",
		"fields that nobody knows":      `{"canary":{"a":[1,null]},"access_token":"a","expires_in":60,"refresh_token":"canary"}`,
		"a field that is given twice":   `{"access_token":"canary","access_token":"a","expires_in":3600,"expires_in":60}`,
	} {
		grant := mustGrant(t, appOptions(serve(t, answering(http.StatusOK, body)).URL))
		require.Equal(t, "a", grant.AccessToken.Reveal(), name)
		require.Equal(t, time.Minute, grant.Lifetime, name)
	}
}

func TestAGrantHasTheScopesThatIMSNames(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{
		`"itwin-platform"`:                       "itwin-platform",
		`"b a"`:                                  "a b",
		`["b","a"]`:                              "a b",
		`null`:                                   "",
		`7`:                                      "",
		`[7]`:                                    "",
		`"a\u0007b"`:                             "",
		`"` + strings.Repeat("x", 2000) + `"`:    "",
		`"canary%2B%2F%3D%3A%26%25%20secret%3D"`: "",
		`"eyJhbGciOiJSUzI1NiJ9.e30.c2ln"`:        "",
		`"the opaque.token"`:                     "",
	} {
		body := `{"access_token":"opaque-token","expires_in":60,"scope":` + scope + `}`
		require.Equal(t, want, mustGrant(t, appOptions(serve(t, answering(200, body)).URL)).Scope.String(), scope)
	}
	require.True(t, mustGrant(t, appOptions(serve(t, answering(200, goodBody)).URL)).Scope.IsZero())
}
