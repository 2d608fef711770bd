package ims

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

var (
	errNoJWT = errors.New("it isn't an RS256-signed JWT like IMS's tokens:" +
		" give only the access token, unchanged")
	errChanged = errors.New("it isn't written as a JWT is: it was changed after it was handed out," +
		" perhaps by a line break; give it exactly as it was handed out")
)

// KeysError says that IMS's published keys can't be fetched, so a token can't be
// verified.
type KeysError struct {
	// URL is where they are published, Cause why they didn't come from there.
	URL   string
	Cause *Error
	// Next is when they are fetched again, if anyone asks.
	Next time.Time
}

// Error returns one line that is safe to log and to show.
func (e *KeysError) Error() string {
	return fmt.Sprintf("could not fetch IMS's keys: %v", e.Cause)
}

// Claims are the verified content of a token.
type Claims struct {
	All    map[string]any
	Issuer string
	// Expires is zero if the token states no expiry.
	Expires time.Time
}

// Keys verifies tokens by the keys that an authority publishes, which it keeps for an
// hour: a key that IMS withdraws stops verifying then. It fetches them anew before that,
// at most once a minute, when they don't verify a token (IMS changes its key about once
// a year). It is safe for concurrent use.
type Keys struct {
	published *keySet
	authority string
}

// KeysOptions say where the keys are and how they are reached.
type KeysOptions struct {
	outbound.Options
	// Authority is the issuer; the keys are below it.
	Authority string
}

// NewKeys does no I/O.
func NewKeys(o KeysOptions) (*Keys, error) {
	authority, err := outbound.ParseEndpoint(o.Authority)
	if err != nil {
		return nil, fmt.Errorf("reading the authority: the URL %w", err)
	}
	sender, err := outbound.NewClient(authority, o.Options)
	if err != nil {
		return nil, err
	}
	shown := outbound.NewCleaner().Text(authority + keysPath)
	return &Keys{authority: authority, published: newKeySet(authority+keysPath, shown, sender, o.Clock())}, nil
}

// Close closes the connections that are idle, and ends a fetch that is under way.
func (k *Keys) Close() { k.published.close() }

// Verify returns the claims of a token that was signed with one of the authority's keys,
// by RS256, and is written exactly as it was signed. It returns a *KeysError if the
// keys can't be fetched, even if it has older ones; the context's error if that ended
// first; any other error means that IMS didn't issue this token. The issuer and the expiry are the caller's to judge.
func (k *Keys) Verify(ctx context.Context, token secret.Text) (Claims, error) {
	keyID, err := readHeader(token.Reveal())
	if err != nil {
		return Claims{}, err
	}
	known, err := k.published.get(ctx)
	if err != nil {
		return Claims{}, err
	}
	claims, signed, err := k.verify(ctx, token, known.matching(keyID))
	if signed {
		return claims, err
	}
	if known, err = k.published.newer(ctx, known); err != nil {
		return Claims{}, err
	}
	claims, signed, err = k.verify(ctx, token, known.matching(keyID))
	if signed {
		return claims, err
	}
	return Claims{}, fmt.Errorf("none of the keys at %s signed it: it was altered, or comes from another authority;"+
		" a key that has been published there for less than a minute may not be known yet", k.published.shown)
}

// verify reports whether one of the keys signed the token. Only then does err matter.
func (k *Keys) verify(ctx context.Context, token secret.Text, keys []crypto.PublicKey) (claims Claims, signed bool, err error) {
	signature := &signature{keys: oidc.StaticKeySet{PublicKeys: keys}}
	verified, err := oidc.NewVerifier(k.authority, signature, &oidc.Config{
		SupportedSigningAlgs: []string{oidc.RS256},
		SkipClientIDCheck:    true, // any audience: it is shown, not judged
		SkipIssuerCheck:      true, // the caller tells it apart from a wrong signature,
		SkipExpiryCheck:      true, // as it does the expiry
	}).Verify(ctx, token.Reveal())
	if err == nil {
		claims = Claims{Issuer: verified.Issuer, Expires: verified.Expiry}
		err = verified.Claims(&claims.All)
	}
	if err != nil { // its text quotes the token
		return Claims{}, signature.valid, errors.New("IMS signed it, but its claims can't be read")
	}
	return claims, true, nil
}

// signature is an oidc.KeySet that remembers whether the signature was valid: the
// verifier turns every error into text.
type signature struct {
	keys  oidc.StaticKeySet
	valid bool
}

// VerifySignature implements oidc.KeySet.
func (s *signature) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := s.keys.VerifySignature(ctx, jwt)
	s.valid = err == nil
	return payload, err
}

// readHeader returns the key id of a JWT by RS256. JWT libraries skip line breaks and
// the bits of the last character of a part that carry nothing, so that many texts pass
// for one token. Only the one that was handed out has its token_id.
func readHeader(token string) (keyID string, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errNoJWT
	}
	var header struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	for i, part := range parts {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		switch {
		case err != nil, i == 0 && (json.Unmarshal(decoded, &header) != nil || header.Algorithm != oidc.RS256):
			return "", errNoJWT
		case base64.RawURLEncoding.EncodeToString(decoded) != part:
			return "", errChanged
		}
	}
	return header.KeyID, nil
}
