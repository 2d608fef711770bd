package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

const answer = `{"data": {"access_token": "A", "token_type": "Bearer", "ttl": 1742, "expires_at": "2026-11-23T10:26:34Z"}}`

func source(t *testing.T, status int, body string) *TokenSource {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	config := api.DefaultConfig()
	config.Address, config.MaxRetries = server.URL, 0
	vault, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return &TokenSource{Vault: vault, Path: "itwin/token/viewer"}
}

func TestTokenIsReadAgainWhenVaultHasANewOne(t *testing.T) {
	t.Parallel()
	token, err := source(t, http.StatusOK, answer).Token()
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken != "A" || token.Type() != "Bearer" {
		t.Fatalf("not the token that Vault answered: type %s", token.Type())
	}
	if left := time.Until(token.Expiry); left < 1740*time.Second || left > 1742*time.Second {
		t.Fatalf("read again in %s, not in the ttl of 1742 s", left)
	}
}

func TestAnswersWithoutATokenAreErrors(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]*TokenSource{
		"the path isn't there": source(t, http.StatusNotFound, `{}`),
		"no permission":        source(t, http.StatusForbidden, `{"errors": ["permission denied"]}`),
		"no token":             source(t, http.StatusOK, `{"data": {"ttl": 3}}`),
		"no ttl":               source(t, http.StatusOK, `{"data": {"access_token": "A"}}`),
	} {
		if _, err := source.Token(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
