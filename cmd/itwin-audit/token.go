package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hashicorp/vault/api"
)

// maxToken is what the engine takes for a token at most, in bytes.
const maxToken = 64 << 10

// tokenIDs are the names that the token may have in the log.
func (o options) tokenIDs(ctx context.Context, t terminal) ([]string, error) {
	id := o.tokenID
	if o.token == "-" {
		token, err := o.readToken(t)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(token)
		id = hex.EncodeToString(sum[:])
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

// readToken takes the token from a person, hidden, or else from standard input.
func (o options) readToken(t terminal) ([]byte, error) {
	if len(o.files) == 0 || slices.Contains(o.files, "-") {
		return nil, errors.New("with --token -, standard input is the token's: name the files of the log")
	}
	var token []byte
	var err error
	if t.hidden != nil {
		t.say("Token (not shown): ")
		token, err = t.hidden()
		t.say("\n")
	} else {
		token, err = io.ReadAll(io.LimitReader(t.in, maxToken+1))
	}
	token = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(token), []byte("Bearer ")))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the token: %w", err)
	case len(token) == 0:
		return nil, errors.New("no token came from standard input")
	case len(token) > maxToken || bytes.ContainsAny(token, " \t\r\n"):
		return nil, errors.New("what came from standard input is no token: it is too long, or has spaces in it")
	}
	return token, nil
}

// auditHash asks Vault how an audit device shows a string.
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
