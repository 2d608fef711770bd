package ims

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"vault-plugin-secrets-itwin/internal/outbound"
)

// FuzzTokenAnswer: whatever IMS answers is a token that can be handed out, or an
// error that can be shown.
func FuzzTokenAnswer(f *testing.F) {
	for _, body := range []string{
		goodBody, `{"error":"invalid_client","error_description":"` + appSecret + `"}`, "null", "[]", "\ufeff{}",
		`{"access_token":"a","expires_in":"3600"}`, `{"access_token":"a","expires_in":1e12}`,
		`{"access_token":"aGVhZA.eyJleHAiOjQ2MDAsImlhdCI6MTAwMH0.","token_type":"bearer","scope":["a","b"]}`,
	} {
		f.Add(http.StatusOK, "7", []byte(body))
		f.Add(http.StatusBadRequest, "-1", []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, wait string, body []byte) {
		if status < 200 || status > 599 {
			return // no server can send it
		}
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", strings.Map(printable, wait))
			answering(status, string(body))(w, nil)
		})
		grant, err := mustClient(t, appOptions(server.URL)).Exchange(t.Context(), platformScope())
		if err != nil {
			mustBeShowable(t, err, status)
			return
		}
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "Bearer", grant.TokenType)
		require.Regexp(t, `\A[A-Za-z0-9._~+/-]+=*\z`, grant.AccessToken.Reveal())
		require.LessOrEqual(t, len(grant.AccessToken.Reveal()), maxToken)
		require.GreaterOrEqual(t, grant.Lifetime, minLifetime)
		require.LessOrEqual(t, grant.Lifetime, maxLifetime)
		require.Regexp(t, `\A[\x20\x21\x23-\x5B\x5D-\x7E]*\z`, grant.Scope.String())
	})
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

func mustBeShowable(t *testing.T, err error, status int) {
	t.Helper()
	var failure *Error
	require.ErrorAs(t, err, &failure)
	text := failure.Described()
	require.NotContains(t, text, appSecret)
	require.True(t, utf8.ValidString(text))
	require.False(t, strings.ContainsFunc(text, unicode.IsControl), "%q", text)
	require.Less(t, utf8.RuneCountInString(text), 600)
	switch failure.Kind {
	case Refused:
		require.Regexp(t, `\A[a-z_]+\z`, failure.Code)
		require.Contains(t, []int{400, 401}, status)
	case Malformed:
		require.Equal(t, http.StatusOK, status)
	case RateLimited, Unavailable:
		require.True(t, status >= 429 || failure.Code != "")
	case Foreign:
		require.NotEqual(t, http.StatusOK, status)
	case TimedOut:
		t.Fatal("nothing took time")
	case Unreachable:
		require.NotEqual(t, outbound.StageDecode, failure.Stage)
	}
}

// FuzzEcho: a refusal that echoes eight characters of the secret in a row, in
// whatever case, cut and encodings, has no description, no code that shows it, and no
// other text that does.
func FuzzEcho(f *testing.F) {
	f.Add("what was sent: ", 0, 12, uint64(0), "")
	f.Add("%", 3, 9, uint64(0x123456), "\u200b")
	f.Add("&#", 5, 40, uint64(0xFEDCBA987), ";")
	const value = "cAnary7+Secret/Value42==dEadBeefCafe+/=="
	o := appOptions("https://ims.example/connect/token")
	cleaner := outbound.NewCleaner(value)
	f.Fuzz(func(t *testing.T, before string, from, length int, encodings uint64, after string) {
		from = abs(from) % (len(value) - 20)
		part := value[from:min(len(value), from+20+abs(length)%20)]
		echo := encode(part, encodings)
		if len(echo) > 3<<10 {
			return // only its beginning is looked at, or shown
		}
		x := &exchange{client: &Client{options: o, cleaner: cleaner}}
		failure := x.classify(&oauth2.RetrieveError{
			Response: &http.Response{StatusCode: http.StatusBadRequest}, ErrorCode: "invalid_client",
			ErrorDescription: clip(before) + echo + clip(after),
		})
		require.Empty(t, failure.Description)
		require.NotContains(t, fmt.Sprintf("%+v", *failure), part)
	})
}

func abs(n int) int { return max(n, -(n + 1), 0) }

// clip keeps the echo within the part of a text that is looked at and shown.
func clip(text string) string { return text[:min(len(text), 100)] }

// encode applies encodings, by four bits each, at most four.
func encode(text string, encodings uint64) string {
	for range 4 {
		text = encodeOnce(text, encodings%16)
		encodings /= 16
	}
	return text
}

func encodeOnce(text string, encoding uint64) string {
	ofBytes := map[uint64]string{1: "%%%02X", 2: "%%%02x", 6: `\x%02x`, 7: `\%03o`, 8: "=%02X"}
	ofCharacters := map[uint64]string{3: "&#%d;", 4: "&#x%x;", 5: `\u%04x`, 9: "%%u%04X"}
	var encoded strings.Builder
	if format := ofBytes[encoding]; format != "" {
		for _, b := range []byte(text) {
			_, _ = fmt.Fprintf(&encoded, format, b)
		}
		return encoded.String()
	}
	if format := ofCharacters[encoding]; format != "" {
		for _, r := range text {
			_, _ = fmt.Fprintf(&encoded, format, r)
		}
		return encoded.String()
	}
	switch encoding {
	case 10:
		return strings.ToUpper(text)
	case 11:
		return strings.Join(strings.Split(text, ""), "\u200b")
	case 12:
		return strings.ReplaceAll(text, "+", " ")
	}
	return text
}
