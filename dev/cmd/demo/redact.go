package main

import (
	"regexp"
	"slices"
	"strings"
)

// shown is how much of a token may be seen, in characters.
const shown = 10

// redactor shortens tokens and removes secrets from whatever is printed.
type redactor struct {
	tokens  *regexp.Regexp
	secrets []string
}

func newRedactor(secrets ...string) *redactor {
	// An empty one, of an app that there isn't, is everywhere.
	secrets = slices.DeleteFunc(secrets, func(secret string) bool { return secret == "" })
	// JWTs, as IMS's access tokens are, and tokens of Vault.
	return &redactor{tokens: regexp.MustCompile(`\beyJ[\w-]{10,}(\.[\w-]*)*|\bhv[sbr]\.[\w-]{10,}`), secrets: secrets}
}

// clean keeps the lines of a text as they are, but for what nobody should see.
func (r *redactor) clean(text string) string {
	for _, secret := range r.secrets {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return r.tokens.ReplaceAllStringFunc(text, shorten)
}

func shorten(token string) string {
	if len(token) <= shown {
		return "…"
	}
	return token[:shown] + "…"
}
