package ims

import (
	"context"
	"errors"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

// minKeyInterval is the least time between two fetches of the keys, whatever
// tokens are asked about.
const minKeyInterval = time.Minute

// keysPath is where IMS publishes its keys, below the authority.
const keysPath = "/.well-known/openid-configuration/jwks"

// ErrKeys says that IMS's published keys can't be had, so nothing is known of a
// token.
var ErrKeys = errors.New("the keys of IMS can't be fetched")

// Claims are the verified content of a token.
type Claims struct {
	All     map[string]any
	Issuer  string
	Expires time.Time
}

// Keys verifies tokens by the keys that an authority publishes. It fetches them
// when it meets a key id that it doesn't know (IMS changes its key about once a
// year), at most once a minute. It is safe for concurrent use.
type Keys struct {
	verifier *oidc.IDTokenVerifier
	fetches  *fetches
}

// KeysOptions say whose keys they are.
type KeysOptions struct {
	// Authority is the issuer; the keys are below it.
	Authority      string
	RequestTimeout time.Duration
	// CACert and TLSMinVersion are those of outbound.Options.
	CACert, TLSMinVersion string
	Now                   func() time.Time
}

// NewKeys does no I/O.
func NewKeys(o KeysOptions) (*Keys, error) {
	transport, err := outbound.NewTransport(outbound.Options{
		Timeout: o.RequestTimeout, CACert: o.CACert, TLSMinVersion: o.TLSMinVersion,
	})
	if err != nil {
		return nil, err
	}
	f := &fetches{base: transport, now: o.Now}
	client := outbound.NewHTTPClient(f)
	client.Timeout = o.RequestTimeout
	remote := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), client), o.Authority+keysPath)
	return &Keys{
		fetches: f,
		verifier: oidc.NewVerifier(o.Authority, remote, &oidc.Config{
			SupportedSigningAlgs: []string{oidc.RS256},
			SkipClientIDCheck:    true, // any audience: it is shown, not judged
			SkipIssuerCheck:      true, // told apart from a bad signature by the caller,
			SkipExpiryCheck:      true, // as is the expiry
		}),
	}, nil
}

// Verify returns the claims of a token that was signed with one of the
// authority's keys, by RS256. It returns ErrKeys where the keys can't be had;
// any other error means that the signature isn't IMS's.
func (k *Keys) Verify(ctx context.Context, token secret.Text) (Claims, error) {
	before := k.fetches.failures()
	verified, err := k.verifier.Verify(ctx, token.Reveal())
	switch {
	case err != nil && k.fetches.leftUsWithout(before):
		return Claims{}, ErrKeys
	case err != nil: // its text quotes the token
		return Claims{}, errors.New("it isn't a JWT signed with RS256 by a key that this authority has published for a minute or more")
	}
	claims := Claims{Issuer: verified.Issuer, Expires: verified.Expiry}
	if err := verified.Claims(&claims.All); err != nil {
		return Claims{}, errors.New("its claims aren't a JSON object")
	}
	return claims, nil
}

// Close closes the connections that are idle.
func (k *Keys) Close() { k.fetches.base.CloseIdleConnections() }
