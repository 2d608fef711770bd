// Package tokens owns the life of shared access tokens: which token a reader gets,
// until when, and when the next one is minted. It knows nothing of HTTP, OAuth or
// Vault; minting, storing and the time are handed in.
package tokens

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
)

const (
	// minTTL keeps readers from coming back in a tight loop: Vault Agent and the
	// Vault Secrets Operator both misbehave at less.
	minTTL = 3 * time.Second

	// maxSpread bounds the random part of a ttl.
	maxSpread = time.Minute

	// endMargin is the life that a token still has when its ttl ends, so that no
	// reader comes back after the token has ended.
	endMargin = 2 * time.Second

	// maxReserve bounds the life that the previous token must still have to be
	// handed out while there is no new one.
	maxReserve = time.Minute

	// maxLead bounds how long before the rotation a renewal starts.
	maxLead = time.Minute

	// maxSkew is how far ahead of this node's clock another node's may be.
	maxSkew = 30 * time.Second
)

// Grant is what minting returns.
type Grant struct {
	AccessToken secret.Text
	Type        string
	Granted     scopes.Set // empty if the provider did not say
	RequestedAt time.Time  // the lifetime counts from here
	Lifetime    time.Duration

	// CorrelationID and Took describe the exchange, for logs.
	CorrelationID string
	Took          time.Duration
}

// Token is one shared access token. It never changes once it is handed out.
type Token struct {
	AccessToken secret.Text
	ID          string // hex SHA-256 of the access token
	Type        string
	Scopes      scopes.Set // requested: the key in memory and in the store
	Granted     scopes.Set // empty if the provider did not say
	ObtainedAt  time.Time  // when the token request was sent
	Lifetime    time.Duration
	RotatedAt   time.Time // whole seconds, later than that of the previous token

	derived atomic.Pointer[any]
}

// Scope returns the scopes that the provider granted or, if it did not say, those
// that were requested (RFC 6749 section 5.1).
func (t *Token) Scope() scopes.Set {
	if t.Granted.IsZero() {
		return t.Scopes
	}
	return t.Granted
}

// Derived returns what derive makes of the token, once for all its readers. The
// value must depend on nothing else and must not be changed.
func (t *Token) Derived(derive func() any) any {
	if known := t.derived.Load(); known != nil {
		return *known
	}
	value := derive()
	t.derived.Store(&value)
	return value
}

// ID names an access token without revealing it: its SHA-256 in hex.
func ID(accessToken secret.Text) string {
	sum := sha256.Sum256([]byte(accessToken.Reveal()))
	return hex.EncodeToString(sum[:])
}

func newToken(set scopes.Set, g Grant, after time.Time) *Token {
	rotated := g.RequestedAt.UTC().Truncate(time.Second)
	if !rotated.After(after) {
		rotated = after.Add(time.Second)
	}
	return &Token{
		AccessToken: g.AccessToken,
		ID:          ID(g.AccessToken),
		Type:        g.Type,
		Scopes:      set,
		Granted:     g.Granted,
		ObtainedAt:  g.RequestedAt,
		Lifetime:    g.Lifetime,
		RotatedAt:   rotated,
	}
}

// ExpiresAt is the end of the token's life as the identity provider stated it.
func (t *Token) ExpiresAt() time.Time { return t.ObtainedAt.Add(t.Lifetime) }

// Left is the life left at now; zero or less means that the token has expired or
// that its age is unknown, as it was obtained more than 30 s from now by a clock
// that runs ahead. It never exceeds the lifetime. Go's monotonic time stands still
// while a machine is suspended, the wall clock can be set: the one that is further
// ahead counts.
func (t *Token) Left(now time.Time) time.Duration {
	if t.ObtainedAt.Sub(now) > maxSkew {
		return 0
	}
	expires := t.ExpiresAt()
	return min(expires.Sub(now), expires.Round(0).Sub(now.Round(0)), t.Lifetime)
}

// Guarantee is the life left on any token handed out in normal running:
// renewBefore, but never more than half a lifetime.
func (t *Token) Guarantee(renewBefore time.Duration) time.Duration {
	return min(renewBefore, t.Lifetime/2)
}

// RotationPeriod is the time from a token's minting to its rotation.
func (t *Token) RotationPeriod(renewBefore time.Duration) time.Duration {
	return t.Lifetime - t.Guarantee(renewBefore)
}

// RotateAt is when the next token replaces this one at the latest.
func (t *Token) RotateAt(renewBefore time.Duration) time.Time {
	return t.ObtainedAt.Add(t.RotationPeriod(renewBefore))
}

// reserve is the life that the token must still have to be handed out while there
// is no new one.
func (t *Token) reserve() time.Duration { return min(maxReserve, t.Lifetime/10) }

// spread is the longest random part of a ttl, so that ten thousand readers don't
// come back in the same second.
func (t *Token) spread(renewBefore time.Duration) time.Duration {
	return min(t.Guarantee(renewBefore)/10, maxSpread)
}

// seconds rounds a ttl up to whole seconds, at least minTTL. The end of the token's
// life wins: the ttl ends endMargin before it, but is never under 1.
func (t *Token) seconds(ttl time.Duration, now time.Time) int64 {
	up := int64((max(ttl, minTTL) + time.Second - 1) / time.Second)
	return max(1, min(up, int64((t.Left(now)-endMargin)/time.Second)))
}

// MinLifeError says that no token can have the life that a reader asked for.
type MinLifeError struct {
	Asked    time.Duration
	Max      time.Duration
	Lifetime time.Duration
}

func (e *MinLifeError) Error() string {
	return fmt.Sprintf("a token with at least %s left was requested, but a token that lives %s can have at most %s left",
		e.Asked, e.Lifetime, e.Max)
}
