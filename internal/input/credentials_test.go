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
		strings.Repeat("x", 257): "is longer than 256 characters: give the id alone, as My Apps shows it",
		"service-a service-b":    "has a space (character 10): give the id alone, as My Apps shows it",
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
		"is longer than 4096 characters: give the secret alone, as My Apps showed it")
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
	for raw, want := range map[string]string{
		"a": "", `"`: "", `"a'`: "", "{a}": "", "a b": "",
		" a":  "begins or ends with a space, which is sent as part of it",
		"a ":  "begins or ends with a space, which is sent as part of it",
		`"a"`: "is in quotes, which are sent as part of it", `'a'`: "is in quotes, which are sent as part of it",
	} {
		require.Equal(t, want, input.SecretWarning(raw), "%q", raw)
	}
}
