package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/internal/tokens"
)

// require notes a broken rule; mu is held.
func (w *world) require(holds bool, rule string, args ...any) {
	if !holds {
		w.broken = append(w.broken, fmt.Sprintf(rule, args...))
	}
}

// mint is an exchange that is deaf to its cancellation. It judges whether there
// should have been one.
func (n *node) mint(_ context.Context, scope string) (tokens.Grant, error) {
	sent := n.clock.Now()
	if gate := n.takeOff(scope, sent); gate != nil {
		<-gate
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running--
	n.account(scope).running--
	if n.outage != nil {
		return tokens.Grant{}, n.outage
	}
	n.minted++
	return grant(fmt.Sprintf("%s/%d", n.key(scope), n.minted), sent, n.lifetime), nil
}

func (n *node) takeOff(scope string, now time.Time) chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.account(scope)
	n.running++
	a.running++
	n.require(n.mayMint, "a standby minted")
	n.require(a.running == 1, "two exchanges at a time for one scope")
	n.require(n.running <= 8, "%d exchanges at a time", n.running)
	if a.rotating > 0 {
		return n.gate
	}
	n.require(!now.Before(a.notBefore), "an exchange before the retry time")
	if t := a.newest; t != nil && a.wishes == 0 && a.notBefore.IsZero() {
		period := t.RotationPeriod(n.renewBefore)
		due := t.RotateAt(n.renewBefore).Add(-min(time.Minute, period/4))
		n.require(!now.Before(due), "an exchange while a token was fresh")
	}
	return n.gate
}

// observe judges the tokens that a pool takes in.
func (n *node) observe(e tokens.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.account(e.Scope)
	n.require(!n.over, "a retired pool reported event %d", e.Kind)
	switch e.Kind {
	case tokens.Minted:
		n.observeMinted(a, e.Token)
	case tokens.Loaded:
		n.require(n.rotations[e.Token.ID].Equal(e.Token.RotatedAt), "a stored token's rotation changed")
		if a.newest == nil || e.Token.RotatedAt.After(a.newest.RotatedAt) {
			a.newest, a.last = e.Token, e.Token.RotatedAt
		}
	case tokens.MintFailed:
		now := n.clock.Now()
		a.notBefore = now.Add(time.Second)
		var asked tokens.RetryAfter
		if errors.As(e.Failure.Err, &asked) {
			a.notBefore = now.Add(max(time.Second, asked.RetryDelay()))
		}
		n.require(!e.Failure.NextAttempt.Before(a.notBefore), "too early a next attempt")
		a.notBefore = e.Failure.NextAttempt
	case tokens.StoreFailed:
		if e.Token != nil {
			a.unsaved = e.Token.ID
		} else {
			a.last = time.Time{} // the pool can't know it
		}
	}
}

func (n *node) observeMinted(a *account, t *tokens.Token) {
	now := n.clock.Now()
	n.require(t.RotatedAt.Equal(t.RotatedAt.Truncate(time.Second)), "a rotation in fractions of a second")
	for _, before := range []time.Time{a.last, n.rotatedAfter} {
		n.require(t.RotatedAt.Sub(before) >= time.Second, "a rotation less than a second after the one before")
	}
	n.require(t.ExpiresAt().After(now), "a token that had expired was installed")
	if a.unsaved != t.ID {
		a.unsaved = ""
		n.require(n.stored[n.key(t.Scope)] == t, "a token was shared before it was stored")
	}
	a.newest, a.last, a.notBefore = t, t.RotatedAt, time.Time{}
	n.rotations[t.ID], n.arrivals[t.ID] = t.RotatedAt, now
}

// judge returns the rules that were broken since it was last asked.
func (w *world) judge() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.results {
		if a.err != nil {
			w.judgeError(a)
			continue
		}
		w.judgeToken(a)
		w.judgeTTL(a)
	}
	w.results = nil
	return strings.Join(w.broken, "; ")
}

func (w *world) judgeError(a answer) {
	var failure *tokens.Failure
	var minLife *tokens.MinLifeError
	account := a.node.account(a.scope)
	switch {
	case a.node.over:
		w.require(errors.Is(a.err, tokens.ErrSuperseded), "a retired pool answered: %v", a.err)
	case errors.As(a.err, &minLife):
		w.require(a.minLife > 0, "a wish refused that nobody had")
	case errors.Is(a.err, errStandby):
		w.require(!a.node.mayMint, "a leader refused to mint")
	case errors.As(a.err, &failure):
		w.require(failure.NextAttempt.After(a.at) || errors.Is(failure, tokens.ErrLateArrival),
			"a failure whose retry time has come")
		t := account.newest
		w.require(t == nil || w.arrivedWith(a, t) || t.Left(a.at) < max(a.minLife, min(time.Minute, t.Lifetime/10)),
			"an error while an old token was good enough")
	default:
		w.require(false, "an unexpected error: %v", a.err)
	}
}

// arrivedWith says that t came at the time of the answer, or right after it.
func (w *world) arrivedWith(a answer, t *tokens.Token) bool {
	return t != nil && w.arrivals[t.ID].Equal(a.at)
}

func (w *world) judgeToken(a answer) {
	t := a.served.Token
	now := a.at
	left := t.Left(now)
	account := a.node.account(a.scope)
	w.require(!a.node.over, "a retired pool served a token")
	w.require(strings.HasPrefix(t.AccessToken.Reveal(), a.node.key(a.scope)+"/"), "a token of another generation or scope")
	w.require(left > 0, "an expired token")
	w.require(left >= a.minLife, "less life than asked for")
	w.require(w.rotations[t.ID].Equal(t.RotatedAt), "a token's rotation changed")
	if a.node.mayMint {
		stored := w.stored[a.node.key(a.scope)]
		w.require(account.unsaved != "" || stored != nil && !stored.RotatedAt.Before(t.RotatedAt), "a served token isn't stored")
	}
	if a.served.Degraded != nil {
		w.require(!account.notBefore.IsZero() || w.arrivedWith(a, account.newest), "degraded while minting works")
		w.require(left <= t.Guarantee(w.renewBefore), "degraded before the rotation")
		w.require(left >= min(time.Minute, t.Lifetime/10), "an old token beyond its reserve")
		return
	}
	w.require(left > t.Guarantee(w.renewBefore) || w.arrivedWith(a, t), "less life than guaranteed")
}

func (w *world) judgeTTL(a answer) {
	t := a.served.Token
	now := a.at
	ttl := time.Duration(a.served.TTL) * time.Second
	left := t.Left(now).Truncate(time.Second)
	guarantee := t.Guarantee(w.renewBefore)
	w.require(ttl >= min(3*time.Second, max(left, time.Second)), "a ttl of %s with %s left", ttl, left)
	w.require(ttl <= max(left, time.Second), "a ttl of %s beyond the %s left", ttl, left)
	w.require(a.served.RotationPeriod == int64((t.Lifetime-guarantee)/time.Second), "a token's rotation period changed")
	if a.served.Degraded != nil {
		w.require(ttl <= 30*time.Second, "a degraded ttl of %s", ttl)
		return
	}
	rotation := t.RotateAt(w.renewBefore)
	w.require(!now.Add(ttl).Before(rotation), "a ttl that ends before the rotation")
	most := rotation.Sub(now) + min(guarantee/10, time.Minute) + time.Second
	w.require(ttl <= max(most, 3*time.Second), "a ttl of %s, at most %s can be", ttl, most)
}
