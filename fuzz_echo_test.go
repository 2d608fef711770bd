package itwin

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

const (
	// echoedSecret could be an OAuth error code.
	echoedSecret = "canary_secret_in_lower_case_letters_alone"

	// echoMarker stands beside every echo: as a text with an echo is dropped whole, it
	// never shows, whatever the echo looks like.
	echoMarker = "canarybeside"
)

// FuzzEchoIsNeverShown: whatever IMS or the Platform echo of the secret, cut, in any
// case and encodings, and wherever in their answers, shows in no answer, warning, log
// line, status or event.
func FuzzEchoIsNeverShown(f *testing.F) {
	for place := range len(echoes("")) {
		f.Add(place, 0, 40, uint64(0))
		f.Add(place, 3, 20, uint64(0x321))
		f.Add(place, 9, 25, uint64(0x534))
	}
	f.Fuzz(func(t *testing.T, place, from, length int, encodings uint64) {
		const least = 20 // characters
		from = max(from, 0) % (len(echoedSecret) - least + 1)
		part := echoedSecret[from:min(len(echoedSecret), from+least+max(length, 0)%least)]
		s := &bus{}
		e := newEventEnv(t, s)
		e.mustWrite("config", e.app(fields{keyClientSecret: echoedSecret, keyAPIURL: e.ims.URL, keyVerify: false}))
		places := echoes(encodeEcho(part, encodings))
		e.ims.Answer(places[max(place, 0)%len(places)])

		for path, op := range map[string]logical.Operation{
			"config": logical.UpdateOperation, "config/new": logical.UpdateOperation, "token": logical.ReadOperation,
			"rotate": logical.UpdateOperation, "check": logical.ReadOperation,
		} {
			data := fields{}
			if op == logical.UpdateOperation && path != "rotate" {
				data = e.app(fields{keyClientSecret: echoedSecret})
			}
			e.mustNotEcho(e.handle(t.Context(), op, path, data))
		}
		for _, path := range []string{"token", "status", "metrics", "config"} {
			e.mustNotEcho(e.handle(t.Context(), logical.ReadOperation, path, nil))
		}
		e.events.sending.Wait()
		e.mustHideCanaries(fmt.Sprint(s.sent))
		e.mustHideCanaries(e.log.String())
	})
}

// mustNotEcho looks at a whole answer but the token, which is the reader's.
func (e *env) mustNotEcho(resp *logical.Response, err error) {
	e.t.Helper()
	if err != nil {
		e.mustHideCanaries(strings.ToLower(err.Error()))
	}
	if resp != nil {
		delete(resp.Data, keyAccessToken)
		e.mustHideCanaries(strings.ToLower(fmt.Sprint(resp.Data, resp.Warnings)))
	}
}

// echoes are the places where IMS or the Platform can echo.
func echoes(echo string) []http.HandlerFunc {
	marked := echoMarker + " " + echo
	text := func(value any) string {
		written, _ := json.Marshal(value) //nolint:errchkjson // strings and lists of them
		return string(written)
	}
	granted := func(more string) http.HandlerFunc {
		return saying(http.StatusOK, `{"access_token":"opaque-token","expires_in":3600`+more+`}`)
	}
	thenPlatform := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == exchangeEndpoint {
				granted("")(w, r)
				return
			}
			answer(w, r)
		}
	}
	said := text(map[string]any{"code": echo, "message": marked, "target": marked})
	return []http.HandlerFunc{
		refusal(http.StatusUnauthorized, "invalid_client", marked),
		refusal(http.StatusBadRequest, echo, marked),
		refusal(http.StatusBadGateway, echo, marked),
		saying(http.StatusForbidden, marked),
		headed(map[string]string{"Location": "https://" + url.PathEscape(marked), "Retry-After": echo, "X-Correlation-Id": echo},
			saying(http.StatusFound, marked)),
		granted(`,"scope":` + text([]string{echoMarker, echo})),
		granted(`,"scope":` + text(marked)),
		granted(`,"token_type":` + text(marked)),
		saying(http.StatusOK, `{"access_token":"opaque-token","expires_in":`+text(marked)+`}`),
		thenPlatform(saying(http.StatusUnauthorized, `{"error":`+said+`}`)),
		thenPlatform(saying(http.StatusNotFound, `{"error":{"code":"x","details":[`+said+`]}}`)),
		thenPlatform(headed(map[string]string{"X-Correlation-Id": echo}, saying(http.StatusOK, `{"user":{"displayName":`+text(marked)+
			`,"email":`+text(marked)+`,"organizationName":`+text(marked)+`}}`))),
	}
}

// encodeEcho applies a form and then up to two escapes, by four bits each.
func encodeEcho(text string, encodings uint64) string {
	forms := []func(string) string{
		func(s string) string { return s },
		strings.ToUpper,
		func(s string) string { return hex.EncodeToString([]byte(s)) },
		func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		func(s string) string { return strings.Join(strings.Split(s, ""), "-") },
	}
	escapes := []func(string) string{
		func(s string) string { return s },
		each("%%%02x"), each("&#%d;"), each(`\u%04x`), each(`\x%02X`),
	}
	text = forms[encodings%16%uint64(len(forms))](text)
	for range 2 {
		encodings /= 16
		text = escapes[encodings%16%uint64(len(escapes))](text)
	}
	return text
}

func each(format string) func(string) string {
	return func(text string) string {
		var written strings.Builder
		for _, c := range []byte(text) {
			_, _ = fmt.Fprintf(&written, format, c)
		}
		return written.String()
	}
}

// TestNoTokenIsEchoedByThePlatform is its own test, as the token is the reader's.
func TestNoTokenIsEchoedByThePlatform(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	b.Say(meEndpoint, func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		refusal(http.StatusUnauthorized, token, echoMarker+" "+token)(w, r)
	})
	answer, _ := e.check("check")
	require.Contains(t, answer[keyError], "status 401")
	require.NotContains(t, fmt.Sprint(answer), "eyJ")
	e.mustHideCanaries(fmt.Sprint(answer))
}
