package ims

import (
	"errors"
	"fmt"
	"time"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

// AuthMethod is how the client authenticates at the token endpoint, by its name
// in the OAuth registry of RFC 7591 section 2.
type AuthMethod string

// The methods of RFC 6749 section 2.3.1; id and secret are form-encoded in both.
const (
	AuthPost  AuthMethod = "client_secret_post"
	AuthBasic AuthMethod = "client_secret_basic"
)

// Options say where the token endpoint is and who asks it.
type Options struct {
	// TokenURL is an endpoint as outbound.ParseEndpoint allows it.
	TokenURL     string
	ClientID     string
	ClientSecret secret.Text
	AuthMethod   AuthMethod
	// RequestTimeout bounds an exchange whole, from the dial to the last byte.
	RequestTimeout time.Duration
	// CACert is a PEM bundle that replaces the system's roots; empty: it doesn't.
	CACert string
	// TLSMinVersion is outbound.TLS12 or outbound.TLS13.
	TLSMinVersion string
	// UserAgent is sent when not empty.
	UserAgent string
	// Now is the clock of Grant.RequestedAt; nil: time.Now.
	Now func() time.Time
}

func (o Options) check() error {
	if _, err := outbound.ParseEndpoint(o.TokenURL); err != nil {
		return fmt.Errorf("reading the token URL: %w", err)
	}
	switch {
	case o.ClientID == "":
		return errors.New("the client id is missing")
	case o.ClientSecret.IsZero():
		return errors.New("the client secret is missing")
	case o.AuthMethod != AuthPost && o.AuthMethod != AuthBasic:
		return fmt.Errorf("the auth method must be %s or %s", AuthPost, AuthBasic)
	case o.RequestTimeout <= 0:
		return errors.New("the request timeout must be positive")
	}
	return nil
}
