package input_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/input"
)

// generated has the form of what My Apps generates, which is base64 of 64 bytes.
func generated() string { return strings.Repeat("canary+/", 10) + "canary==" }

func TestClientIDIsTrimmed(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"service-abc", "imodel-hub-0123", "a@b"} {
		id, err := input.ClientID(" " + raw + " ")
		require.NoError(t, err)
		require.Equal(t, raw, id)
	}
}

func TestInvalidClientIDIsRefused(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		" ":                      "is only spaces: give the id of a service app registered in My Apps, client_id=service-…",
		strings.Repeat("x", 257): "is longer than 256 characters: give only the id, as My Apps shows it",
		"service-a service-b":    "has a space (character 10): give only the id, as My Apps shows it",
		`"service-abc"`:          "is in quotes: give the id without them",
		generated():              "looks like a client secret: give the id, client_id=service-…, and the secret as client_secret",
	} {
		_, err := input.ClientID(raw)
		require.EqualError(t, err, want)
	}
}

func TestSecretIsUnchangedUnlessItLooksLikeSomethingElse(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{generated(), "a", `"a"`, " a b ", "service-a", "{curly"} {
		require.NoError(t, input.ClientSecret(raw))
		require.NoError(t, input.Document(raw))
	}
	require.EqualError(t, input.ClientSecret(strings.Repeat("canary", 700)),
		"is longer than 4096 characters: give only the secret, as My Apps showed it")
	for _, kind := range []string{"service", "spa", "native", "webapp"} {
		require.EqualError(t, input.ClientSecret(kind+"-"+strings.Repeat("a", 25)),
			"looks like a client id: give the secret that My Apps showed when the app was registered")
	}
}

func TestJSONDocumentIsRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`{"client_secret":"canary"}`, "\uFEFF{\n  \"client_secret\": \"canary\"\n}\n", " {} "} {
		require.EqualError(t, input.Document(raw), "is a whole JSON document: give only the value, without the quotes around it")
	}
}

func TestUnusualSecretHasAWarning(t *testing.T) {
	t.Parallel()
	const (
		without = ", sent as part of the secret: unless it belongs there, write the secret again without it"
		quotes  = "is in quotes, sent as part of the secret: unless they belong there, write the secret again without them"
		shown   = "looks like a masked value: if it isn't the secret, write the secret itself"
		file    = "looks like the name of a file, which only the Vault CLI reads, as client_secret=@FILE" +
			": if it isn't the secret, write the secret itself"
		other   = "looks like a key, a token or a header: if it isn't the secret, write the secret itself"
		missing = "looks like a placeholder for a missing value: check the program that should have set it;" +
			" if it isn't the secret, write the secret itself"
		unfilled = "contains a variable or template that wasn't filled in; if it isn't the secret, write the secret itself"
	)
	for want, secrets := range map[string][]string{
		"": {
			"a", `"`, `"a'`, "{a}", "a b", "a$b", "100%", "a{", "a*", "nullify", "secret", "my:secret=", "a=b", generated(), "xxx", "@", "$", "a<b>",
		},
		"begins or ends with a space" + without: {" a", "a "},
		"begins with a name" + without:          {"client_secret=a", "export ITWIN_SECRET=a", "client_secret: a", "CLIENT_SECRET='a'"},
		quotes:                                  {`"a"`, `'a'`},
		shown: {
			"*", "********", "...", "xxxx", "<client_secret>", "[redacted]", "REDACTED", "(sensitive value)", "your-client-secret",
			"your_secret", "changeme", "change-me",
		},
		file:     {"@secret.txt", `@C:\secret.txt`, "file:///etc/secret", "/run/secrets/itwin"},
		other:    {"-----BEGIN PRIVATE KEY-----", "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.a", "hvs.CAESI", "Basic YTpi", "Bearer a"},
		missing:  {"null", "undefined", "None", "[object Object]"},
		unfilled: {"${SECRET}", "$SECRET", "%SECRET%", "{{ .Secret }}", "a${{ secrets.b }}", "$(cat secret)"},
	} {
		for _, raw := range secrets {
			require.Equal(t, want, input.SecretWarning(raw), "%q", raw)
		}
	}
}

func TestATextThatAProgramLeftUnfilledIsRefused(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"null\n":          "looks like a placeholder for a missing value: check the program that should have set it",
		"<no value>":      "looks like a placeholder for a missing value: check the program that should have set it",
		"https://${HOST}": "contains a variable or template that wasn't filled in",
		"%HOST%":          "contains a variable or template that wasn't filled in",
	} {
		for _, read := range []func(any) (any, error){input.Text{}.Read, input.Text{ASCII: true, List: true}.Read, input.Bool, input.Seconds} {
			_, err := read(raw)
			require.EqualError(t, err, want)
		}
		_, err := input.Text{Free: true}.Read(raw)
		require.NoError(t, err)
	}
	for _, raw := range []string{"nullable", "none", "a%20b%20c", "https://a.example/$metadata", "itwins:read"} {
		_, err := input.Text{}.Read(raw)
		require.NoError(t, err)
	}
}
