package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedactorKeepsTextAndShortensWhatOpensDoors(t *testing.T) {
	t.Parallel()
	redact := newRedactor("s3cret+/=", "")
	for name, test := range map[string]struct{ text, want string }{
		"an access token keeps ten characters": {
			"access_token    eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln-_\nttl    30m",
			"access_token    eyJhbGciOi…\nttl    30m",
		},
		"so does a token of Vault": {
			"READER=hvs.CAESIJabcdefghijklmnop", "READER=hvs.CAESIJ…",
		},
		"a secret is gone wherever it is": {
			"client_secret=s3cret+/= refused", "client_secret=[redacted] refused",
		},
		"the digest that names a token stays": {
			"token_id " + strings.Repeat("ab", 32), "token_id " + strings.Repeat("ab", 32),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, redact.clean(test.text))
		})
	}
}
