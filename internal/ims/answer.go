package ims

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"vault-plugin-secrets-itwin/internal/secret"
)

const (
	maxToken    = 64 << 10
	minLifetime = 4 * time.Second
	maxLifetime = 24 * time.Hour
	bearer      = "Bearer"
)

// Grant is a token as IMS granted it.
type Grant struct {
	AccessToken secret.Text
	// TokenType is always "Bearer".
	TokenType string
	// RequestedAt is taken before the request is sent: Lifetime counts from
	// there, so that a slow answer never makes a token look younger.
	RequestedAt time.Time
	// Lifetime is from 4 s to 24 h.
	Lifetime      time.Duration
	CorrelationID string
	// Took is the duration of the whole exchange.
	Took time.Duration
}

// readToken decides what counts as a token. Its errors are safe to show.
func readToken(token *oauth2.Token) (Grant, error) {
	if err := checkToken(token.AccessToken); err != nil {
		return Grant{}, err
	}
	if token.TokenType != "" && !strings.EqualFold(token.TokenType, bearer) {
		return Grant{}, errors.New("its token_type is not Bearer")
	}
	lifetime, err := readLifetime(token)
	if err != nil {
		return Grant{}, err
	}
	return Grant{AccessToken: secret.New(token.AccessToken), TokenType: bearer, Lifetime: lifetime}, nil
}

func checkToken(token string) error {
	switch {
	case len(token) > maxToken:
		return fmt.Errorf("its access_token is longer than %d KiB", maxToken>>10)
	case !isB64Token(token):
		return errors.New("its access_token has characters outside RFC 6750's")
	}
	return nil
}

// isB64Token follows b64token in RFC 6750 section 2.1.
func isB64Token(token string) bool {
	return regexp.MustCompile(`\A[A-Za-z0-9._~+/-]+=*\z`).MatchString(token)
}

// readLifetime takes expires_in (RFC 6749 section 5.1), a number or a string of
// digits; if it is absent, the time that the token itself states.
func readLifetime(token *oauth2.Token) (time.Duration, error) {
	var seconds int64
	switch value := token.Extra("expires_in").(type) {
	case nil:
		stated, ok := statedLifetime(token.AccessToken)
		if !ok {
			return 0, errors.New("it states no lifetime: no expires_in, and no exp and iat in the token")
		}
		seconds = stated
	case float64: // x/oauth2 has refused fractions
		seconds = int64(value)
	case string:
		seconds, _ = strconv.ParseInt(value, 10, 64) // 0 is refused below
	}
	if seconds < int64(minLifetime/time.Second) || seconds > int64(maxLifetime/time.Second) {
		return 0, fmt.Errorf("its lifetime is not between %s and %s", minLifetime, maxLifetime)
	}
	return time.Duration(seconds) * time.Second, nil
}

// statedLifetime returns exp − iat of a JWT (RFC 7519 section 4.1) in seconds.
// The signature isn't verified: who could forge it could forge expires_in.
func statedLifetime(token string) (int64, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0, false
	}
	var claims struct{ Exp, Iat *int64 }
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Exp == nil || claims.Iat == nil {
		return 0, false
	}
	// From 0 up, the difference can't overflow.
	return *claims.Exp - *claims.Iat, *claims.Exp >= 0 && *claims.Iat >= 0
}
