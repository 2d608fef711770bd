package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/oauth2"
)

var (
	_ oauth2.TokenSource = (*TokenSource)(nil)

	errNoToken = errors.New("reading the token: Vault's answer holds none")
)

// TokenSource reads tokens from Vault. It reads at every call: oauth2.NewClient and oauth2.ReuseTokenSource keep the
// token in between.
type TokenSource struct {
	Vault *api.Client
	Path  string // such as itwin/token/viewer
}

// Token returns the shared token. Its Expiry is not the token's end but the time when Vault hands out a new one, so
// that whoever reuses it comes back then. The token itself is good for longer: half an hour, as a rule.
func (s *TokenSource) Token() (*oauth2.Token, error) {
	asked := time.Now()
	secret, err := s.Vault.Logical().Read(s.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	if secret == nil {
		return nil, errNoToken
	}
	accessToken, _ := secret.Data["access_token"].(string)
	ttl, _ := secret.Data["ttl"].(json.Number)
	seconds, err := ttl.Int64()
	if accessToken == "" || err != nil {
		return nil, errNoToken
	}
	return &oauth2.Token{
		AccessToken: accessToken,
		TokenType:   "Bearer",
		Expiry:      asked.Add(time.Duration(seconds) * time.Second),
	}, nil
}
