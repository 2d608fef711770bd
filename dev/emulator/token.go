package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
)

const (
	signatureAlgorithm = jose.RS256
	// notBeforeSkew is how far back IMS dates nbf, for clients whose clocks are late.
	notBeforeSkew = 5 * time.Minute
)

// tokenClaims are the claims of an IMS access token; scope is an array, unlike RFC 9068's string.
type tokenClaims struct {
	Scope        []string     `json:"scope"`
	ClientID     string       `json:"client_id"`
	Subject      string       `json:"sub"`
	Org          string       `json:"org"`
	OrgName      string       `json:"org_name"`
	UltimateSite string       `json:"ultimate_site"`
	Email        string       `json:"email"`
	Name         string       `json:"name"`
	Audience     jwt.Audience `json:"aud"`
	Issuer       string       `json:"iss"`
	ID           string       `json:"jti"`
	IssuedAt     int64        `json:"iat"`
	NotBefore    int64        `json:"nbf"`
	Expiry       int64        `json:"exp"`
}

func newClaims(app App, scope []string, issuer string, issuedAt time.Time, lifetime time.Duration) tokenClaims {
	return tokenClaims{
		Scope:        scope,
		ClientID:     app.ClientID,
		Subject:      app.ClientID,
		Org:          stableID("organization"),
		OrgName:      organizationName,
		UltimateSite: "1001234567",
		Email:        app.email(),
		Name:         app.email(),
		Audience:     []string{issuer + "/resources", "bentley-api-management"},
		Issuer:       issuer,
		ID:           uuid.NewString(),
		IssuedAt:     issuedAt.Unix(),
		NotBefore:    issuedAt.Add(-notBeforeSkew).Unix(),
		Expiry:       issuedAt.Add(lifetime).Unix(),
	}
}

func (c tokenClaims) issued(token string) Issued {
	digest := sha256.Sum256([]byte(token))
	return Issued{
		ClientID: c.ClientID,
		Scope:    c.Scope,
		SHA256:   hex.EncodeToString(digest[:]),
		IssuedAt: time.Unix(c.IssuedAt, 0).UTC(),
		Expiry:   time.Unix(c.Expiry, 0).UTC(),
	}
}

// stableID gives the same name the same id in every run, as ids of people and organizations are.
func stableID(name string) string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String() }

// keyring signs with its newest key and publishes all of them.
type keyring struct {
	mu     sync.Mutex
	signer jose.Signer
	public []jose.JSONWebKey
}

func newKeyring() (*keyring, error) {
	k := &keyring{}
	err := k.rotate()
	return k, err
}

func (k *keyring) rotate() error {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key := jose.JSONWebKey{
		Key:       private,
		KeyID:     fmt.Sprintf("BentleyIMS_%d", 2026+len(k.public)), // IMS names a key after the year it was made in
		Algorithm: string(signatureAlgorithm),
		Use:       "sig",
	}
	options := new(jose.SignerOptions).WithHeader("pi.atm", "a8me") // as PingFederate names its access token manager
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: signatureAlgorithm, Key: key}, options)
	if err != nil {
		return err
	}
	k.signer = signer
	k.public = append(k.public, key.Public())
	return nil
}

// published is the key set as the keys endpoint serves it, RFC 7517 section 5.
func (k *keyring) published() jose.JSONWebKeySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	return jose.JSONWebKeySet{Keys: slices.Clone(k.public)}
}

func (k *keyring) sign(claims any) (string, error) {
	k.mu.Lock()
	signer := k.signer
	k.mu.Unlock()
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// accepted returns the claims of a token of this issuer that one of the keys signed and that hasn't expired.
func (k *keyring) accepted(issuer, token string) (tokenClaims, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{signatureAlgorithm})
	if err != nil {
		return tokenClaims{}, err
	}
	var registered jwt.Claims
	var claims tokenClaims
	keys := k.published()
	if err := parsed.Claims(&keys, &registered, &claims); err != nil {
		return tokenClaims{}, err
	}
	return claims, registered.ValidateWithLeeway(jwt.Expected{Issuer: issuer, Time: time.Now()}, 0)
}
