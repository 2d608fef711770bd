package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-itwin/internal/tokens"
	"vault-plugin-secrets-itwin/internal/tokentext"
)

// maxInput, in bytes, is more than package tokentext accepts.
const maxInput = 2 << 20

// tokenIDs returns what the log may show of the token: its token_id and, with --vault, the HMAC of that.
func (o options) tokenIDs(ctx context.Context, t terminal) ([]string, error) {
	id := o.tokenID
	if o.token == "-" {
		var err error
		if id, err = o.readTokenID(t); err != nil {
			return nil, err
		}
	}
	if !o.vault {
		return []string{id}, nil
	}
	hash, err := auditHash(ctx, o.device, id)
	if err != nil {
		return nil, fmt.Errorf("asking Vault for sys/audit-hash/%s: %w", o.device, err)
	}
	return []string{id, hash}, nil
}

// readTokenID reads a token, hidden or from standard input, and returns its token_id. It also accepts a token_id.
func (o options) readTokenID(t terminal) (string, error) {
	if len(o.files) == 0 || slices.Contains(o.files, "-") {
		return "", errors.New("--token - reads the token from standard input: name the log files")
	}
	if t.hidden != nil {
		return typed(t)
	}
	input, err := io.ReadAll(io.LimitReader(t.in, maxInput))
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	return tokenID(input)
}

// typed reads lines until they form a token, because a terminal wraps a long one, or until an empty line.
func typed(t terminal) (string, error) {
	t.say("Token (not shown): ")
	for input := []byte(nil); ; {
		line, err := t.hidden()
		t.say("\n")
		if err != nil {
			return "", fmt.Errorf("reading the token: %w", err)
		}
		input = append(append(input, line...), '\n')
		id, err := tokenID(input)
		if err == nil || len(line) == 0 {
			return id, err
		}
		t.say("%v\nMore of it (not shown), or Enter to stop: ", err)
	}
}

func tokenID(input []byte) (string, error) {
	if id, ok := tokentext.ID(string(input)); ok {
		return id, nil
	}
	token, err := tokentext.Read(string(input))
	if err != nil {
		return "", fmt.Errorf("the input %w", err)
	}
	return tokens.ID(token), nil
}

// auditHash asks Vault for the HMAC that an audit device logs for a string.
func auditHash(ctx context.Context, device, input string) (string, error) {
	config := api.DefaultConfig()
	if config.Error != nil {
		return "", config.Error
	}
	client, err := api.NewClient(config)
	if err != nil {
		return "", err
	}
	return client.Sys().AuditHashWithContext(ctx, device, input)
}
