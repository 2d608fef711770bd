package ims

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

func newCleaner(clientID string, clientSecret secret.Text) outbound.Cleaner {
	return outbound.NewCleaner(secretForms(clientID, clientSecret.Reveal())...)
}

// secretForms lists the ways in which a server can echo the secret: as it was
// sent, as it was decoded, and as it may be quoted.
func secretForms(clientID, clientSecret string) []string {
	escaped := url.QueryEscape(clientSecret)
	quoted, _ := json.Marshal(clientSecret) //nolint:errchkjson // a string always marshals
	jsonForm := strings.Trim(string(quoted), `"`)
	forms := []string{
		clientSecret,
		strings.ReplaceAll(clientSecret, "+", " "), // decoded once too often
		escaped,
		url.PathEscape(clientSecret),
		jsonForm,
		strings.ReplaceAll(jsonForm, "/", `\/`),
		hex.EncodeToString([]byte(clientSecret)),
		strings.ToUpper(hex.EncodeToString([]byte(clientSecret))),
		basic(url.QueryEscape(clientID) + ":" + escaped),
		basic(clientID + ":" + clientSecret),
	}
	for _, form := range forms {
		forms = append(forms, lowerPercent(form))
	}
	return forms
}

// basic returns the credentials of RFC 7617 without their padding, so that they
// are found with it or without.
func basic(credentials string) string {
	return base64.RawStdEncoding.EncodeToString([]byte(credentials))
}

// lowerPercent spells %2B as %2b: both are right, and servers differ.
func lowerPercent(escaped string) string {
	return regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(escaped, strings.ToLower)
}
