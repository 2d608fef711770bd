package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const canaryToken = "canary-token-of-a-failed-exchange"

// disclosures are ways for IMS to fail, of every kind that the engine tells apart. Where there is an answer, it repeats
// what it was sent or holds a token.
func disclosures() map[string]emulator.Fault {
	granting := func(rest string) emulator.Fault {
		return answering(http.StatusOK, func(string) string { return `{"access_token":"` + canaryToken + rest })
	}
	refusal := func(sent string) string {
		return fmt.Sprintf(`{"error":"invalid_client","error_description":%q}`, "you sent "+sent)
	}
	code := func(sent string) string { return fmt.Sprintf(`{"error":%q}`, sent) }
	return map[string]emulator.Fault{
		"a refusal repeats what it was sent":  answering(http.StatusUnauthorized, refusal),
		"a refusal is the secret":             answering(http.StatusBadRequest, code),
		"a rate limit repeats what was sent":  answering(http.StatusTooManyRequests, refusal),
		"a page repeats what it was sent":     answering(http.StatusOK, func(sent string) string { return "<html>" + sent }),
		"a broken server repeats it":          answering(http.StatusInternalServerError, refusal),
		"a redirect leads to what was sent":   {Handler: redirecting},
		"the status line repeats it":          {Handler: raw("HTTP/1.1 200 %s\r\n\r\n")},
		"a header's name repeats it":          {Handler: raw("HTTP/1.1 200 OK\r\n%s\r\n\r\n")},
		"the answer is no HTTP":               {Handler: raw("%s\r\n")},
		"the body breaks off":                 {Handler: raw("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n%s")},
		"a token has no lifetime":             granting(`","token_type":"Bearer"}`),
		"a token has a line break":            granting(`\r\nX: y","token_type":"Bearer","expires_in":3600}`),
		"a token is of another kind":          granting(`","token_type":"` + canary + `","expires_in":3600}`),
		"a token lives too long":              granting(`","token_type":"Bearer","expires_in":"` + canary + `"}`),
		"a token is larger than any":          granting(strings.Repeat(canaryToken, 1<<16) + `","expires_in":3600}`),
		"a token is followed by another":      granting(`","expires_in":3600}{"access_token":"` + canaryToken + `"}`),
		"the connection breaks off":           {DropConnection: true},
		"there is no answer within the limit": {Delay: 5 * time.Second},
	}
}

// answering builds the body from what was sent.
func answering(status int, body func(sent string) string) emulator.Fault {
	return emulator.Fault{Handler: func(w http.ResponseWriter, r *http.Request) {
		echo := sent(r)
		w.Header().Set("X-Echo", url.QueryEscape(echo))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body(echo))
	}}
}

// sent is the request in the forms in which the secret is a part of it.
func sent(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	values, _ := url.ParseQuery(string(body))
	_, password, _ := r.BasicAuth()
	return strings.Join([]string{string(body), values.Get("client_secret"), r.Header.Get("Authorization"), password}, " ")
}

func redirecting(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/"+url.PathEscape(sent(r)), http.StatusTemporaryRedirect)
}

// raw writes past the HTTP server, as a proxy may that is broken.
func raw(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprintf(conn, format, sent(r))
	}
}

// slip is a request that a person gets wrong, with a secret or a token in it.
type slip struct {
	method, path string
	data         fields
}

func slips(token string) []slip {
	write := http.MethodPost
	return []slip{
		{write, "config", fields{"client_secrets": clientSecret}},
		{write, "config", fields{"client_secret": []string{clientSecret}}},
		{write, "config", fields{"client_secret": fields{"value": clientSecret}}},
		{write, "config", fields{"client_secret": clientSecret, "renew_before": clientSecret}},
		{write, "config", fields{"request_timeout": clientSecret}},
		{write, "config", fields{"verify": clientSecret}},
		{write, "config", fields{"authority": "https://user:" + url.QueryEscape(clientSecret) + "@ims.example.com"}},
		{write, "config", fields{"token_url": clientSecret, "client_secret": clientSecret}},
		{write, "config", fields{"ca_cert": clientSecret, "client_secret": clientSecret}},
		{write, "config", fields{"auth_method": clientSecret}},
		{write, "config", fields{"tls_min_version": clientSecret, "client_secret": clientSecret}},
		{http.MethodPatch, "config", fields{"client_secret": fields{"value": clientSecret}}},
		{write, "role/viewer", fields{"app": clientSecret}},
		{write, "role/viewer", fields{"token": token}},
		{write, "token/viewer", fields{"min_ttl": token}},
		{write, "introspect", fields{"token": []string{token}}},
		{write, "introspect", fields{"tokens": token}},
	}
}
