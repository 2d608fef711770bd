package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/vault/api"
)

// token is what a reader takes from an answer.
type token struct {
	AccessToken   string `json:"access_token"`
	ID            string `json:"token_id"`
	ExpiresAtUnix int64  `json:"expires_at_unix"`
	TTL           int64  `json:"ttl"`
	Rotated       string `json:"last_vault_rotation"`

	warnings []string
}

// left is the life left, up to a second less than what IMS gave.
func (t token) left(now time.Time) time.Duration { return time.Unix(t.ExpiresAtUnix, 0).Sub(now) }

func readToken(ctx context.Context, client *api.Client, path string) (token, error) {
	resp, err := client.Logical().ReadRawWithContext(ctx, path)
	if resp != nil {
		defer func() { _ = resp.Body.Close() }()
	}
	if err != nil {
		return token{}, err
	}
	var body struct {
		Data     token    `json:"data"`
		Warnings []string `json:"warnings"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return token{}, fmt.Errorf("decoding a token: %w", err)
	}
	body.Data.warnings = body.Warnings
	return body.Data, nil
}
