package ims

import (
	"errors"
	"fmt"

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
	outbound.Options
	// TokenURL is an endpoint as outbound.ParseEndpoint allows it.
	TokenURL     string
	ClientID     string
	ClientSecret secret.Text
	AuthMethod   AuthMethod
}

func (o Options) check() error {
	switch {
	case o.ClientID == "":
		return errors.New("the client id is missing")
	case o.ClientSecret.IsZero():
		return errors.New("the client secret is missing")
	case o.AuthMethod != AuthPost && o.AuthMethod != AuthBasic:
		return fmt.Errorf("the auth method must be %s or %s", AuthPost, AuthBasic)
	}
	return nil
}
