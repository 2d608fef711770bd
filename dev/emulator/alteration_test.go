package emulator_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

func TestFieldsOfTheAnswerAreReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ field, value string }{
		"a lifetime in a string":     {"expires_in", `"3599"`},
		"a lifetime with a fraction": {"expires_in", `59.9`},
		"a scope in a string":        {"scope", `"itwin-platform itwins:read"`},
		"scopes in an array":         {"scope", `["itwin-platform"]`},
		"another kind of token":      {"token_type", `"mac"`},
		"no lifetime":                {"expires_in", `null`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t)
			env.Fault(emulator.Fault{Fields: map[string]json.RawMessage{test.field: json.RawMessage(test.value)}})
			var got map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(env.exchange().body), &got))
			require.NotEmpty(t, got["access_token"])
			if test.value == "null" {
				require.NotContains(t, got, test.field)
				return
			}
			require.JSONEq(t, test.value, string(got[test.field]))
		})
	}
}

func TestAnswersCanBeCompressedAndMarkedWhateverTheyAre(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.transport.DisableCompression = true
	for name, test := range map[string]struct {
		fault  emulator.Fault
		status int
	}{
		"a token":   {emulator.Fault{}, http.StatusOK},
		"a refusal": {emulator.Fault{Error: "invalid_client"}, http.StatusUnauthorized},
		"a page":    {emulator.Fault{Status: http.StatusBadGateway}, http.StatusBadGateway},
	} {
		test.fault.Gzip, test.fault.Prefix = true, "\ufeff"
		env.Fault(test.fault)
		got := env.exchange()
		require.Equal(t, test.status, got.status, name)
		require.Equal(t, "gzip", got.header.Get("Content-Encoding"), name)
		require.True(t, strings.HasPrefix(got.body, "\x1f\x8b"), name)

		test.fault.Gzip = false
		env.Fault(test.fault)
		require.True(t, strings.HasPrefix(env.exchange().body, "\ufeff"), name)
	}
}

func TestTheSameTokenComesAgainToTheSameRequestAlone(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	before := env.mustToken()
	env.Fault(emulator.Fault{SameToken: true})
	first := env.mustToken()
	require.NotEqual(t, before, first)
	require.Equal(t, first, env.mustToken())

	other := grant()
	other.Set("scope", "itwins:read")
	require.NotEqual(t, first, env.do(env.tokenRequest(other)).token(t))
	env.Heal()
	require.NotEqual(t, first, env.mustToken())
}

func TestEachEchoIsTheSecretInAFormOfItsOwn(t *testing.T) {
	t.Parallel()
	env, texts := newEnv(t), make(map[string]string)
	for _, form := range emulator.Echoes() {
		env.Fault(emulator.Fault{Echo: form, Description: "you sent "})
		byPost := env.exchange()
		require.Equal(t, http.StatusUnauthorized, byPost.status, form)

		byBasic := grant()
		byBasic.Del("client_id")
		byBasic.Del("client_secret")
		r := env.tokenRequest(byBasic)
		r.SetBasicAuth("service-aBcDeFgHiJkLmNoPqRsTuVwXy", "c2VjcmV0%2Bwith%2Fbase64%3D%3D")
		require.Equal(t, byPost.body, env.do(r).body, "%s: the same, however the client authenticates", form)
		texts[form] = byPost.fields(t)["error_description"].(string)
		require.Greater(t, len(texts[form]), len("you sent ")+10, form)
	}
	require.Equal(t, "you sent "+clientSecret, texts["plain"])
	require.Equal(t, "you sent c2VjcmV0%252Bwith%252Fbase64%253D%253D", texts["form-twice"])
	require.Contains(t, texts["html-hex"], "&#x2B;")
	require.Contains(t, texts["unicode-escape"], `\u002b`, "after JSON is decoded")
	require.Len(t, slices.Compact(slices.Sorted(maps.Values(texts))), len(emulator.Echoes()), "each form is another")
}
