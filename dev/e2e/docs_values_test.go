package e2e

import (
	"context"
	"strings"
	"testing"
)

// The situations in which a value is refused before anything is sent.

// refusedConfig writes fields to the config there is.
func refusedConfig(name string, values ...any) []situation {
	var situations []situation
	for _, value := range values {
		situations = append(situations, refusedWrite("itwin/config", fields{name: value}))
	}
	return situations
}

// refusedURL writes an authority, which needs the secret.
func refusedURL(values ...string) []situation {
	var situations []situation
	for _, value := range values {
		situations = append(situations, refusedWrite("itwin/config", fields{"authority": value, "client_secret": clientSecret}))
	}
	return situations
}

func refusedPEM(values ...string) []situation {
	var situations []situation
	for _, value := range values {
		situations = append(situations, refusedWrite("itwin/config", fields{"ca_cert": value, "client_secret": clientSecret}))
	}
	return situations
}

func refusedPatch(path string, data fields) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		_, err := d.root.Logical().JSONMergePatch(context.Background(), path, data)
		return told(t, err)
	}
}

func all(groups ...[]situation) []situation {
	var joined []situation
	for _, group := range groups {
		joined = append(joined, group...)
	}
	return joined
}

func oddCharacters() []situation {
	return all(
		refusedConfig("client_secret", "\uFEFFx", "x\ny", "x\ty", "x\u20acy"), refusedConfig("client_id", "x\u200by"),
		[]situation{refusedWrite("itwin/role/viewer", fields{"app": "x\uFFFDy"})},
		refusedConfig("client_id", "null", "${CLIENT_ID}"),
	)
}

func mixedUpValues() []situation {
	const secret = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567=="
	return all(
		refusedConfig("client_secret", `{"client_secret": "x"}`, "service-abcdefghijklmnopqrstuvwxyz", clientID, strings.Repeat("x", 5000)),
		refusedConfig("client_id", " ", "a b", `"service-x"`, secret, strings.Repeat("x", 300)),
		refusedURL("https://ims.bentley.com/.well-known/openid-configuration", "https://ims.bentley.com/connect/token"),
		[]situation{
			refusedWrite("itwin/config", fields{
				"token_url": "https://ims.bentley.com/.well-known/openid-configuration", "client_secret": clientSecret,
			}),
			refusedWrite("itwin/config", fields{"api_url": "https://api.bentley.com/users/me", "client_secret": clientSecret}),
			refusedWrite("itwin/config/new", fields{"client_secret": "x"}), refusedWrite("itwin/config/new", fields{"client_id": "x"}),
		},
	)
}

func wrongTypes() []situation {
	return all(
		refusedConfig("client_id", []string{"x"}), refusedConfig("scopes", fields{"x": "y"}), refusedConfig("verify", "maybe"),
		refusedConfig("renew_before", "soon"), refusedConfig("request_timeout", "31s"), refusedConfig("auth_method", "none"),
		refusedConfig("scopes", "a\"b", ", ", strings.Repeat("x", 1025)),
		refusedConfig("allowed_roles", "a/b", ", ", strings.Repeat("x,", 1025)),
		[]situation{refusedRead("itwin/check", map[string][]string{"itwin_id": {"an iTwin"}})},
	)
}

// oddSecrets are stored, as they may be secrets.
func oddSecrets() []situation {
	var all []situation
	for _, value := range []string{`"x"`, "client_secret=x", "********", "@secret.txt", "Basic eDp5", "null", "${CLIENT_SECRET}"} {
		all = append(all, warned(fields{"client_secret": value, "verify": false}))
	}
	return all
}

func wrongURLs() []situation {
	return refusedURL(
		"https://ims bentley.com", `"https://ims.bentley.com"`, "ims.bentley.com", "https://", "http://ims.bentley.com",
		"https://user@ims.bentley.com", "https://ims.bentley.com?x=y", "https://ims.bentley.com:0", "https://[fe80::1%25eth0]",
		"https://ims.bentley.com,", "https://ims.bentley.com/https://ims.bentley.com",
	)
}

func wrongPEM() []situation {
	const begin, end = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
	block := func(kind string) string { return "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n" }
	return append(refusedPEM(
		"x", "AAAA\n"+end, strings.ReplaceAll(begin+"AAAA\n"+end, "\n", `\n`), begin+"AAAA\n",
		block("RSA PRIVATE KEY"), block("CERTIFICATE REQUEST"), block("TRUSTED CERTIFICATE"), block("X509 CRL"), block("PKCS7"), block("DATA"),
		"\x00", "-----BEGIN CERTIFICATE----- AAAA", begin+"A: b\n\nAAAA\n"+end, begin+"AAAA\n"+end, strings.Repeat("x", 300<<10),
	), indentedPEM)
}

func indentedPEM(t *testing.T, d *desk) string {
	t.Helper()
	_, ca := server{}.sign(t)
	return refusedPEM(" " + ca)[0](t, d)
}

func wrongNames() []situation {
	return []situation{
		refusedWrite("itwin/config/a..b", fields{"client_id": "x"}), refusedWrite("itwin/role/a..b", nil),
		refusedRead("itwin/token/"+strings.Repeat("x", 129), nil),
	}
}

func wrongTokens() []situation {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJhIjoiYiJ9." // and a signature
	signature := strings.Repeat("A", 342)
	var situations []situation
	for _, text := range []string{
		" ", strings.Repeat("a", 64), "hmac-sha256:" + strings.Repeat("a", 64), "hvs.CAESIJlWh0OvMlE3XwfNOp5zYbT2",
		`{"wrap_info": {"token": "hvs.x"}}`, token + signature + "\n" + token + strings.Repeat("B", 342), token, "x",
		token + strings.Repeat("A", 100<<10),
	} {
		situations = append(situations, refusedWrite("itwin/introspect", fields{"token": text}))
	}
	return situations
}
