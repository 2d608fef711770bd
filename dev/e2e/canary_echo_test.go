package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// echoedSecret looks like one of IMS: no eight letters and digits of it are part of any sentence.
const echoedSecret = "kT9xQ2vLp7+Zr4/Wm8sYb3Nc6hJf5gD1eRz0uVtB+a=="

// TestASecretThatIMSRepeatsInAnyFormIsSeenNowhere lets IMS give back what it was sent, in each form that the emulator
// knows and at each place of an answer whose text is shown.
func TestASecretThatIMSRepeatsInAnyFormIsSeenNowhere(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.ims.SetApp(emulator.App{ClientID: clientID, ClientSecret: echoedSecret, Scopes: []string{"itwin-platform"}})
	echoing := func(method string) fields {
		return app(w.ims, fields{"client_secret": echoedSecret, "auth_method": method})
	}
	for _, form := range emulator.Echoes() {
		w.ims.Fault(emulator.Fault{Echo: form, Description: "you sent "})
		for _, method := range []string{"client_secret_post", "client_secret_basic"} {
			w.meet(form, echoing(method))
		}
	}
	for place, fault := range repeating() {
		w.ims.Fault(fault)
		w.meet(place, echoing("client_secret_post"))
	}
	w.ims.Fault(emulator.Fault{Fields: map[string]json.RawMessage{"scope": json.RawMessage(strconv.Quote(echoedSecret))}})
	w.mustSend(http.MethodPost, "config", echoing("client_secret_post"))
	for _, path := range []string{"token", "check", "status", "metrics"} {
		w.mustSend(http.MethodGet, path, nil)
	}
	w.showHarmlessDescription(echoing("client_secret_post"))

	w.mustSend(http.MethodGet, "status", nil)
	require.Contains(t, w.lastAnswer(), "invalid_client")
	w.server.Stop()
	for _, answer := range w.answers {
		requireNoEcho(t, "an answer", answer)
	}
	for _, path := range append([]string{w.server.LogPath}, w.auditPaths...) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), "itwin", path)
		requireNoEcho(t, path, string(text))
	}
}

// repeating are the other places of a refusal, each with the whole secret.
func repeating() map[string]emulator.Fault {
	quoted := strconv.Quote(echoedSecret)
	refusing := func(body string) emulator.Fault {
		return emulator.Fault{Status: http.StatusUnauthorized, Body: body, ContentType: "application/json"}
	}
	return map[string]emulator.Fault{
		"the error":              refusing(`{"error":` + quoted + `}`),
		"the error's address":    refusing(`{"error":"invalid_client","error_uri":` + quoted + `}`),
		"a nested description":   refusing(`{"error":{"code":"invalid_client","message":` + quoted + `}}`),
		"the kind of token":      {Fields: map[string]json.RawMessage{"token_type": json.RawMessage(quoted)}},
		"the lifetime":           {Fields: map[string]json.RawMessage{"expires_in": json.RawMessage(quoted)}},
		"the correlation id":     {Handler: correlating},
		"a compressed answer":    {Echo: "plain", Gzip: true},
		"a page of a gateway":    {Status: http.StatusBadGateway, Body: "<pre>" + echoedSecret + "</pre>"},
		"a description in parts": refusing(`{"error":"invalid_client","error_description":"` + inParts(echoedSecret) + `"}`),
	}
}

func correlating(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Correlation-Id", echoedSecret)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = fmt.Fprint(w, `{"error":"invalid_client"}`)
}

// inParts puts something between all characters that no letter or digit is.
func inParts(text string) string {
	var parts strings.Builder
	for _, char := range text {
		parts.WriteString(string(char) + " · ")
	}
	return parts.String()
}

// showHarmlessDescription proves that a description would have been shown: to the writer of a config, though never to a
// reader.
func (w *watch) showHarmlessDescription(config fields) {
	w.t.Helper()
	const harmless = "Back at noon"
	w.ims.Fault(emulator.Fault{Error: "invalid_client", Description: harmless + "."})
	config["request_timeout"] = "1s"
	w.mustRefuse(http.MethodPost, "config/harmless", config)
	require.Contains(w.t, w.lastAnswer(), harmless)
	config["verify"] = false
	w.mustSend(http.MethodPost, "config/harmless", config)
	w.mustSend(http.MethodPost, "role/harmless", fields{"app": "harmless"})
	w.mustRefuse(http.MethodGet, "token/harmless", nil)
	require.NotContains(w.t, w.lastAnswer(), harmless)
}

func requireNoEcho(t *testing.T, where, text string) {
	t.Helper()
	plain := bare(undone(text))
	if at := echoAt(plain); at >= 0 {
		require.Failf(t, "the secret was seen", "%s holds a part of it: …%s…", where, plain[max(0, at-100):min(len(plain), at+100)])
	}
}

func echoes(text string) bool { return echoAt(bare(undone(text))) >= 0 }

// echoAt finds eight characters in a row of what was sent; -1 if there are none.
func echoAt(plain string) int {
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(clientID) + ":" + url.QueryEscape(echoedSecret)))
	for _, form := range []string{
		echoedSecret,
		base64.StdEncoding.EncodeToString([]byte(echoedSecret)),
		hex.EncodeToString([]byte(echoedSecret)),
		basic[len(clientID)*4/3+4:], // what comes before is the client id's
	} {
		for form = bare(form); len(form) >= 8; form = form[1:] {
			if at := strings.Index(plain, form[:8]); at >= 0 {
				return at
			}
		}
	}
	return -1
}

// undone undoes HTML, percent and \u escapes until nothing changes.
func undone(text string) string {
	percent := regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	unicode := regexp.MustCompile(`\\+u00[0-9A-Fa-f]{2}`)
	decode := func(escape string) string {
		char, err := strconv.ParseUint(escape[len(escape)-2:], 16, 8)
		if err != nil {
			return escape
		}
		return string(rune(char))
	}
	for {
		next := html.UnescapeString(text)
		next = percent.ReplaceAllStringFunc(next, decode)
		next = unicode.ReplaceAllStringFunc(next, decode)
		if next == text {
			return text
		}
		text = next
	}
}

// bare is a text's letters and digits, in lower case.
func bare(text string) string {
	return strings.Map(func(char rune) rune {
		switch {
		case '0' <= char && char <= '9', 'a' <= char && char <= 'z':
			return char
		case 'A' <= char && char <= 'Z':
			return char + 'a' - 'A'
		}
		return -1
	}, text)
}

func TestAnEchoIsRecognizedInEveryForm(t *testing.T) {
	t.Parallel()
	ims := startIMS(t)
	ims.SetApp(emulator.App{ClientID: clientID, ClientSecret: echoedSecret, Scopes: []string{"itwin-platform"}})
	for _, form := range emulator.Echoes() {
		ims.Fault(emulator.Fault{Echo: form})
		resp, err := http.PostForm(ims.URL()+"/connect/token", url.Values{"client_id": {clientID}, "client_secret": {echoedSecret}})
		require.NoError(t, err)
		var refusal struct {
			Description string `json:"error_description"`
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&refusal))
		require.NoError(t, resp.Body.Close())
		require.True(t, echoes(refusal.Description), form)
	}
	require.True(t, echoes(inParts(echoedSecret)))
	require.False(t, echoes("service-e2e https://ims.example.com itwin-platform 9f86d081884c7d65 "+clientSecret))
}
