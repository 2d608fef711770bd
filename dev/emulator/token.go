package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
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
		Expiry:   time.Unix(c.Expiry, 0).UTC(),
	}
}

// stableID gives the same name the same id in every run, as ids of people and organizations are.
func stableID(name string) string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String() }

// signingKey signs all tokens.
type signingKey struct {
	signer jose.Signer
	public jose.JSONWebKey
}

func newSigningKey() (*signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	key := jose.JSONWebKey{
		Key:       private,
		KeyID:     "BentleyIMS_2026", // IMS names a key after the year it was made in
		Algorithm: string(signatureAlgorithm),
		Use:       "sig",
	}
	options := new(jose.SignerOptions).WithHeader("pi.atm", "a8me") // as PingFederate names its access token manager
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: signatureAlgorithm, Key: key}, options)
	return &signingKey{signer: signer, public: key.Public()}, err
}

// published is the key set as the keys endpoint serves it, RFC 7517 section 5.
func (k *signingKey) published() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.public}}
}

func (k *signingKey) sign(claims any) (string, error) {
	return jwt.Signed(k.signer).Claims(claims).Serialize()
}

// accepted returns the claims of a token from this issuer that the key signed and that hasn't expired.
func (k *signingKey) accepted(issuer, token string) (tokenClaims, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{signatureAlgorithm})
	if err != nil {
		return tokenClaims{}, err
	}
	var registered jwt.Claims
	var claims tokenClaims
	if err := parsed.Claims(k.public, &registered, &claims); err != nil {
		return tokenClaims{}, err
	}
	return claims, registered.ValidateWithLeeway(jwt.Expected{Issuer: issuer, Time: time.Now()}, 0)
}
