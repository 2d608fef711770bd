package ims

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

// keysPath is where IMS publishes its keys, below the authority.
const keysPath = "/.well-known/openid-configuration/jwks"

var errNoJWT = errors.New("it isn't a JWT signed by RS256, as the tokens of IMS are:" +
	" give the access token alone, as it was handed out")

// KeysError says that IMS's published keys can't be had, so nothing is known of a
// token.
type KeysError struct {
	// URL is where they are published, Cause why they didn't come from there.
	URL   string
	Cause *Error
	// Next is when they are fetched again, if anyone asks.
	Next time.Time
}

// Error returns one line that is safe to log and to show.
func (e *KeysError) Error() string {
	return fmt.Sprintf("fetching the keys of IMS from %s: %v", e.URL, e.Cause)
}

// Claims are the verified content of a token.
type Claims struct {
	All    map[string]any
	Issuer string
	// Expires is zero where the token states no end.
	Expires time.Time
}

// Keys verifies tokens by the keys that an authority publishes. It fetches them
// when it meets a key id that it doesn't know (IMS changes its key about once a
// year), at most once a minute. It is safe for concurrent use.
type Keys struct {
	authority string
	published *oidc.RemoteKeySet
	fetches   *fetches
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
	url := o.Authority + keysPath
	f := &fetches{base: transport, url: outbound.NewCleaner().Text(url), limit: o.RequestTimeout, now: o.Now}
	return &Keys{
		authority: o.Authority,
		fetches:   f,
		published: oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), outbound.NewHTTPClient(f)), url),
	}, nil
}

// Verify returns the claims of a token that was signed with one of the
// authority's keys, by RS256. It returns a *KeysError where the keys can't be had,
// and the context's error where that ended first; any other error means that the
// signature isn't IMS's. The issuer and the expiry are the caller's to judge.
func (k *Keys) Verify(ctx context.Context, token secret.Text) (Claims, error) {
	attempt := &attempt{keys: k.published}
	verified, err := k.verifier(attempt).Verify(ctx, token.Reveal())
	switch {
	case err != nil && ctx.Err() != nil:
		return Claims{}, fmt.Errorf("fetching the keys of IMS: %w", ctx.Err())
	case attempt.lackedKeys():
		return Claims{}, k.lack(attempt.err)
	case attempt.err != nil:
		return Claims{}, fmt.Errorf("none of the keys at %s signed it: it was changed, or is of another authority;"+
			" a key that is published there for less than a minute may not be known yet", k.fetches.url)
	case err != nil: // its text quotes the token
		return Claims{}, errNoJWT
	}
	claims := Claims{Issuer: verified.Issuer, Expires: verified.Expiry}
	if err := verified.Claims(&claims.All); err != nil {
		return Claims{}, errors.New("its claims aren't a JSON object")
	}
	return claims, nil
}

// lack explains keys that the key set didn't get, or couldn't read.
func (k *Keys) lack(err error) error {
	if known, ok := errors.AsType[*KeysError](err); ok {
		return known
	}
	return k.fetches.fail(noKeySet())
}

// Close closes the connections that are idle.
func (k *Keys) Close() { k.fetches.base.CloseIdleConnections() }

func (k *Keys) verifier(keys oidc.KeySet) *oidc.IDTokenVerifier {
	return oidc.NewVerifier(k.authority, keys, &oidc.Config{
		SupportedSigningAlgs: []string{oidc.RS256},
		SkipClientIDCheck:    true, // any audience: it is shown, not judged
		SkipIssuerCheck:      true, // told apart from a bad signature by the caller,
		SkipExpiryCheck:      true, // as is the expiry
	})
}

// attempt is one verification. It remembers the error of the key set, which the
// verifier turns into text.
type attempt struct {
	keys *oidc.RemoteKeySet
	err  error
}

// VerifySignature implements oidc.KeySet.
func (a *attempt) VerifySignature(ctx context.Context, jwt string) (payload []byte, err error) {
	payload, a.err = a.keys.VerifySignature(ctx, jwt)
	return payload, a.err
}

// lackedKeys tells keys that couldn't be fetched from a signature that none of
// them made. The key set wraps an error in the first case alone.
func (a *attempt) lackedKeys() bool {
	return errors.Unwrap(a.err) != nil && !errors.Is(a.err, errRecent)
}
