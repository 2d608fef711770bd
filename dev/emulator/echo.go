package emulator

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Echoes are the forms in which Fault.Echo can give a client its secret back, in order: what servers, gateways and their
// templates do to a text that they repeat, or to a header that they log.
func Echoes() []string { return slices.Sorted(maps.Keys(echoes())) }

func echoes() map[string]func(secret, basic string) string {
	each := func(format string) func(string, string) string {
		return func(secret, _ string) string {
			var text strings.Builder
			for _, char := range secret {
				fmt.Fprintf(&text, format, char)
			}
			return text.String()
		}
	}
	encode := func(encodings ...func(string) string) func(string, string) string {
		return func(secret, _ string) string {
			for _, encoded := range encodings {
				secret = encoded(secret)
			}
			return secret
		}
	}
	// What templates write in HTML; package html leaves most of base64's alphabet alone.
	entities := strings.NewReplacer("&", "&amp;", "+", "&#43;", "/", "&#47;", "=", "&#61;", `"`, "&quot;", "<", "&lt;")
	twice := func(text string) string { return url.QueryEscape(url.QueryEscape(text)) }
	base64Of := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	return map[string]func(secret, basic string) string{
		"plain":          encode(),
		"upper-case":     encode(strings.ToUpper),
		"form":           encode(url.QueryEscape),
		"form-twice":     encode(twice),
		"html":           encode(entities.Replace),
		"form-of-html":   encode(entities.Replace, url.QueryEscape),
		"html-decimal":   each("&#%d;"),
		"html-hex":       each("&#x%X;"),
		"unicode-escape": each(`\u%04x`),
		"percent":        each("%%%02X"),
		"spaced":         each("%c "),
		"quoted-lines":   each("%c\n"),
		"hex":            encode(func(text string) string { return hex.EncodeToString([]byte(text)) }),
		"base64":         encode(base64Of),
		"without-ends":   func(secret, _ string) string { return secret[1 : len(secret)-1] },
		"first-half":     func(secret, _ string) string { return secret[:len(secret)/2] },
		"basic":          func(_, basic string) string { return "Basic " + basic },
		"basic-cut":      func(_, basic string) string { return basic[:len(basic)*2/3] },
	}
}

// echo is the secret of a request in the named form; empty if the request has no secret.
func echo(form string, r *http.Request) string {
	secret := r.PostFormValue("client_secret")
	clientID := r.PostFormValue("client_id")
	if user, password, ok := r.BasicAuth(); ok {
		clientID, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(password)
	}
	if secret == "" {
		return ""
	}
	pair := url.QueryEscape(clientID) + ":" + url.QueryEscape(secret)
	return echoes()[form](secret, base64.StdEncoding.EncodeToString([]byte(pair)))
}
