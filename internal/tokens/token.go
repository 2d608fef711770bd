// Package tokens owns the life of shared access tokens: who is handed which
// token, until when, and when the next one is minted. It has never heard of
// HTTP, OAuth or Vault; minting, storing and the time are handed in.
package tokens

import (
	"crypto/sha256"
	"encoding/hex"
	"sync/atomic"
	"time"

	"vault-plugin-secrets-itwin/internal/secret"
)

const (
	// minTTL keeps readers from coming back in a tight loop: Vault Agent and the
	// Vault Secrets Operator both misbehave at less.
	minTTL = 3 * time.Second

	// maxSpread bounds the random part of a ttl.
	maxSpread = time.Minute

	// maxReserve bounds the life that an old token must still have to be handed
	// out while renewing fails.
	maxReserve = time.Minute

	// maxLead bounds how long before the rotation a renewal starts.
	maxLead = time.Minute
)

// Grant is what minting returns.
type Grant struct {
	AccessToken secret.Text
	Type        string
	RequestedAt time.Time // the lifetime counts from here
	Lifetime    time.Duration

	// CorrelationID and Took are of the exchange, for logs.
	CorrelationID string
	Took          time.Duration
}

// Token is one shared access token. It never changes once it is handed out.
type Token struct {
	AccessToken secret.Text
	ID          string // hex SHA-256 of the access token
	Type        string
	Scope       string
	ObtainedAt  time.Time // when the exchange was sent
	Lifetime    time.Duration
	RotatedAt   time.Time // whole seconds, later than that of the token before

	derived atomic.Pointer[any]
}

// Derived returns what derive makes of the token, once for all its readers. It
// must depend on nothing else and not be changed.
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

func newToken(scope string, g Grant, after time.Time) *Token {
	rotated := g.RequestedAt.UTC().Truncate(time.Second)
	if !rotated.After(after) {
		rotated = after.Add(time.Second)
	}
	return &Token{
		AccessToken: g.AccessToken,
		ID:          ID(g.AccessToken),
		Type:        g.Type,
		Scope:       scope,
		ObtainedAt:  g.RequestedAt,
		Lifetime:    g.Lifetime,
		RotatedAt:   rotated,
	}
}

// ExpiresAt is the end of the token's life as the identity provider stated it.
func (t *Token) ExpiresAt() time.Time { return t.ObtainedAt.Add(t.Lifetime) }

// Left is the life left at now; zero or less means expired. It never exceeds the
// lifetime, so that a clock set back doesn't lengthen a token's life. Go's
// monotonic time stands still while a machine is suspended, the wall clock can
// be set: the one that has gone further counts.
func (t *Token) Left(now time.Time) time.Duration {
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

// RotateAt is when the next token takes this one's place at the latest.
func (t *Token) RotateAt(renewBefore time.Duration) time.Time {
	return t.ObtainedAt.Add(t.RotationPeriod(renewBefore))
}

// untilRotation is the time left to RotateAt; zero or less means due.
func (t *Token) untilRotation(now time.Time, renewBefore time.Duration) time.Duration {
	return t.Left(now) - t.Guarantee(renewBefore)
}

// lead is how long before the rotation a renewal starts: long enough for a slow
// exchange and a retry, short enough not to waste a short token's life.
func (t *Token) lead(renewBefore time.Duration) time.Duration {
	return min(maxLead, t.RotationPeriod(renewBefore)/4)
}

// reserve is the life that the token must still have to be handed out while
// renewing fails.
func (t *Token) reserve() time.Duration { return min(maxReserve, t.Lifetime/10) }

// spread is the longest random part of a ttl, so that ten thousand readers don't
// come back in the same second.
func (t *Token) spread(renewBefore time.Duration) time.Duration {
	return min(t.Guarantee(renewBefore)/10, maxSpread)
}

// seconds rounds a ttl up to whole seconds, at least minTTL. A token whose life
// is shorter than that wins: nobody is told to keep a token beyond its expiry.
func (t *Token) seconds(ttl time.Duration, now time.Time) int64 {
	up := int64((max(ttl, minTTL) + time.Second - 1) / time.Second)
	return max(1, min(up, int64(t.Left(now)/time.Second)))
}
