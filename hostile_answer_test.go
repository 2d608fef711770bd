package itwin

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	noLifetime  = "it states no lifetime: no expires_in, and no exp and iat in the token"
	badLifetime = "its lifetime is not between 4s and 24h0m0s"
	badToken    = "its access_token has characters outside RFC 6750's"
)

// fielded is an answer with its fields in JSON as given, or left out where empty.
func fielded(accessToken, tokenType, expiresIn string) string {
	var parts []string
	for _, field := range [][2]string{{"access_token", accessToken}, {"token_type", tokenType}, {"expires_in", expiresIn}} {
		if field[1] != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", field[0], field[1]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func malformed(body, text string) hostility {
	return hostility{granting(body), http.StatusBadGateway, "the answer of IMS at HOST is no token, stage decoding: " + text, ""}
}

func answers() map[string]hostility {
	const decoding = "it isn't the JSON of RFC 6749"
	token := func(value, text string) hostility { return malformed(fielded(value, `"Bearer"`, "3600"), text) }
	kind := func(value, text string) hostility { return malformed(fielded(`"canary"`, value, "3600"), text) }
	return map[string]hostility{
		"access_token is missing":              token("", decoding),
		"access_token is empty":                token(`""`, decoding),
		"access_token is null":                 token("null", decoding),
		"access_token is a number":             token("7", decoding),
		"access_token is an object":            token(`{"canary":1}`, decoding),
		"access_token has a line break":        token(`"canary\r\nX-Injected: 1"`, badToken),
		"access_token has a line break at end": token(`"canary\n"`, badToken),
		"access_token has spaces":              token(`"canary canary"`, badToken),
		"access_token is Bearer and a token":   token(`"Bearer canary"`, badToken),
		"access_token has a NUL":               token(`"canary\u0000"`, badToken),
		"access_token has an escape":           token(`"canary\u001b[31m"`, badToken),
		"access_token isn't ASCII":             token(`"canäry"`, badToken),
		"access_token isn't UTF-8":             token("\"canary\xff\"", badToken),
		"access_token has quotes":              token(`"canary\""`, badToken),
		"access_token is padding alone":        token(`"=="`, badToken),
		"access_token is over 64 KiB":          token(`"`+strings.Repeat("canary", 11_000)+`"`, "its access_token is longer than 64 KiB"),
		"access_token is 1 MiB": {
			granting(fielded(`"`+strings.Repeat("c", 1<<20)+`"`, "", "3600")), http.StatusBadGateway, tooLarge, "",
		},
		"the last of two access_tokens is bad": malformed(`{"access_token":"a",`+fielded(`"canary b"`, "", "3600")[1:], badToken),
		"token_type is mac":                    kind(`"mac"`, "its token_type is not Bearer"),
		"token_type has a line break":          kind(`"Bearer\r\ncanary"`, "its token_type is not Bearer"),
		"token_type is a number":               kind("7", decoding),
		"a 200 holds an OAuth error":           malformed(`{"error":"invalid_client"}`, "status 200 with an OAuth error"),
		"a 200 holds a token and an OAuth error": malformed(
			`{"error":"invalid_client",`+goodAnswer[1:], "status 200 with an OAuth error"),
	}
}

func lifetimes() map[string]hostility {
	const decoding = "it isn't the JSON of RFC 6749"
	expires := func(value, text string) hostility { return malformed(fielded(`"canary"`, `"Bearer"`, value), text) }
	states := func(claims, text string) hostility {
		return malformed(fielded(`"`+jwt(claims)+`"`, `"Bearer"`, ""), text)
	}
	return map[string]hostility{
		"expires_in is missing":             expires("", noLifetime),
		"expires_in is null":                expires("null", noLifetime),
		"expires_in is 0":                   expires("0", badLifetime),
		"expires_in is 3":                   expires("3", badLifetime),
		"expires_in is a day and a second":  expires("86401", badLifetime),
		"expires_in is negative":            expires("-3600", badLifetime),
		"expires_in is a negative zero":     expires("-0", badLifetime),
		"expires_in is a word":              expires(`"canary"`, decoding),
		"expires_in is an empty string":     expires(`""`, decoding),
		"expires_in is a float":             expires("3600.5", decoding),
		"expires_in is 1e12":                expires("1e12", decoding),
		"expires_in is 1e12 in digits":      expires("1000000000000", badLifetime),
		"expires_in is beyond 64 bits":      expires("99999999999999999999", decoding),
		"expires_in is a negative 64 bits":  expires("-9223372036854775808", badLifetime),
		"expires_in is NaN":                 expires("NaN", decoding),
		"expires_in is Infinity":            expires("Infinity", decoding),
		"expires_in is the string NaN":      expires(`"NaN"`, decoding),
		"expires_in is true":                expires("true", decoding),
		"expires_in is a list":              expires("[3600]", decoding),
		"the JWT has no exp":                states(`{"iat":1000}`, noLifetime),
		"the JWT has no iat":                states(`{"exp":1000}`, noLifetime),
		"the JWT's exp is before its iat":   states(`{"exp":1000,"iat":4600}`, badLifetime),
		"the JWT's exp is a word":           states(`{"exp":"canary","iat":0}`, noLifetime),
		"the JWT's exp is beyond 64 bits":   states(`{"exp":1e400,"iat":0}`, noLifetime),
		"the JWT's times overflow":          states(`{"exp":9223372036854775807,"iat":-9223372036854775808}`, noLifetime),
		"the JWT's claims aren't an object": states(`[1]`, noLifetime),
		"the JWT's claims aren't base64":    malformed(fielded(`"a.canary~.c"`, "", ""), noLifetime),
		"the token has four parts":          malformed(fielded(`"a.b.c.d"`, "", ""), noLifetime),
	}
}

func jwt(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "."
}

// What is odd but can be read one way only is a token.
func TestOddAnswersThatAreTokens(t *testing.T) {
	t.Parallel()
	stated := jwt(`{"iat":1000,"exp":4600}`)
	cases := map[string]struct{ body, token string }{
		"no token_type":                          {fielded(`"abc"`, "", "3600"), "abc"},
		"an empty token_type":                    {fielded(`"abc"`, `""`, "3600"), "abc"},
		"a bearer in lower case":                 {fielded(`"abc"`, `"bearer"`, "3600"), "abc"},
		"a lifetime in a string":                 {fielded(`"abc"`, `"Bearer"`, `"3600"`), "abc"},
		"the last of two access_tokens":          {`{"access_token":"x y",` + fielded(`"abc"`, "", "3600")[1:], "abc"},
		"fields nobody knows":                    {`{"error":null,"canary":[1,{}],` + fielded(`"abc"`, "", "3600")[1:], "abc"},
		"a JWT that states its lifetime":         {fielded(`"`+stated+`"`, "", ""), stated},
		"a JWT that ended by this clock":         {fielded(`"`+stated+`"`, "", "3600"), stated},
		"a JWT without exp, but with expires_in": {fielded(`"`+jwt(`{}`)+`"`, "", "3600"), jwt(`{}`)},
		"white space around":                     {"\r\n\t " + fielded(`"abc"`, "", "3600") + "\n", "abc"},
	}
	for name, c := range cases {
		for _, contentType := range []string{"application/json", "text/html", "application/x-www-form-urlencoded", "canary;;;", ""} {
			t.Run(name+" as "+contentType, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				e.ims.Answer(headed(map[string]string{"Content-Type": contentType}, saying(http.StatusOK, c.body)))
				e.mustWrite("config", e.app())
				data := e.mustRead("token").Data
				require.Equal(t, c.token, data[keyAccessToken])
				require.Equal(t, "Bearer", data[keyTokenType])
				require.Equal(t, noon().Add(lifetime).Unix(), data[keyExpiresAtUnix])
			})
		}
	}
}
