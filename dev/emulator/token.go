package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
)

// notBeforeSkew is how far back IMS dates nbf, for clients whose clocks are late.
const notBeforeSkew = 5 * time.Minute

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
		Org:          stableID("organization").String(),
		OrgName:      organizationName,
		UltimateSite: "1001234567",
		Email:        app.Email(),
		Name:         app.Email(),
		Audience:     []string{issuer + "/resources", "bentley-api-management"},
		Issuer:       issuer,
		ID:           uuid.NewString(),
		IssuedAt:     issuedAt.Unix(),
		NotBefore:    issuedAt.Add(-notBeforeSkew).Unix(),
		Expiry:       issuedAt.Add(lifetime).Unix(),
	}
}

// claimNames are those of tokenClaims, as discovery lists them.
func claimNames() []string {
	fields := reflect.TypeFor[tokenClaims]()
	names := make([]string, fields.NumField())
	for i := range names {
		names[i] = fields.Field(i).Tag.Get("json")
	}
	return names
}

func (c tokenClaims) issued(token, authMethod string) Issued {
	digest := sha256.Sum256([]byte(token))
	return Issued{
		ID:         c.ID,
		ClientID:   c.ClientID,
		Scope:      c.Scope,
		SHA256:     hex.EncodeToString(digest[:]),
		IssuedAt:   time.Unix(c.IssuedAt, 0).UTC(),
		Expiry:     time.Unix(c.Expiry, 0).UTC(),
		AuthMethod: authMethod,
	}
}

// stableID gives the same name the same id in every run, as ids of people and organizations are.
func stableID(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)) }
