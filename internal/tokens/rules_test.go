package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// require notes a broken rule; mu is held.
func (w *world) require(holds bool, rule string, args ...any) {
	if !holds {
		w.broken = append(w.broken, fmt.Sprintf(rule, args...))
	}
}

// judge returns the rules that were broken since it was last asked.
func (w *world) judge() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.broken, "; ")
}

// mint is an exchange. It judges whether there should have been one.
func (n *node) mint(ctx context.Context, scope scopes.Set) (tokens.Grant, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	sent := now()
	a := n.account(scope)
	f := &flight{began: sent, epoch: a.epoch}
	a.running = append(a.running, f)
	n.running++
	n.judgeExchange(a)
	err := n.hangOrDawdle(ctx)
	n.running--
	a.running = slices.DeleteFunc(a.running, func(known *flight) bool { return known == f })
	if err := errors.Join(n.outage, err); err != nil {
		return tokens.Grant{}, err
	}
	if !n.repeats || a.returned == "" {
		n.minted++
		a.returned = fmt.Sprintf("%s/%d", n.key(scope), n.minted)
	}
	g := grant(a.returned, sent, n.lifetime)
	id := tokens.ID(g.AccessToken)
	n.epochs[id] = max(n.epochs[id], f.epoch)
	return g, nil
}

// hangOrDawdle releases mu while it waits. A deaf exchange outlives ctx.
func (n *node) hangOrDawdle(ctx context.Context) error {
	if n.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	slow := n.slowMint
	if gate := n.gate; gate != nil {
		n.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
		}
		n.mu.Lock()
	}
	return n.dawdle(ctx, slow)
}

func (n *node) judgeExchange(a *account) {
	now := now()
	abreast := 0
	for _, f := range a.running {
		if f.epoch == a.epoch {
			abreast++
		}
	}
	n.require(n.mayMint, "a standby minted")
	n.require(abreast == 1, "%d exchanges at a time for one scope", abreast)
	n.require(n.running <= 8, "%d exchanges at a time", n.running)
	if a.rotating > 0 || now.Before(a.excused) {
		return
	}
	n.require(!now.Before(a.urgent), "an exchange before the retry time")
	if a.wishes > 0 || !a.usable(now, 0) {
		return
	}
	n.require(!now.Before(a.notBefore), "an exchange before the retry time, without need")
	if a.notBefore.IsZero() && now.Sub(n.configured) > limit && !a.forgotten {
		t := a.newest
		due := t.RotateAt(n.renewBefore).Add(-min(time.Minute, t.RotationPeriod(n.renewBefore)/4))
		if a.repeated {
			due = a.askAgain
		}
		n.require(!now.Before(due), "an exchange while a token was fresh")
	}
}

// observe judges the tokens that a pool takes in.
func (n *node) observe(e tokens.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.account(e.Scopes)
	n.require(!n.over, "a retired pool reported event %d", e.Kind)
	switch e.Kind {
	case tokens.Minted:
		n.observeMinted(a, e.Token)
	case tokens.Repeated:
		n.require(a.newest != nil && a.newest.ID == e.Token.ID, "a token that is not held was repeated")
		left := e.Token.Left(now())
		a.repeated, a.forgotten, a.arrived = true, false, now()
		a.askAgain = now().Add(max(left/2, time.Second))
		a.notBefore, a.urgent = time.Time{}, time.Time{}
	case tokens.Loaded:
		n.require(n.rotations[e.Token.ID].Equal(e.Token.RotatedAt), "a stored token's rotation changed")
		a.arrive(e.Token)
		a.last = e.Token.RotatedAt
	case tokens.MintFailed:
		n.observeFailed(a, e.Failure)
	case tokens.NotStored:
		a.unsaved = e.Token.ID
	case tokens.NotLoaded:
		a.last = time.Time{} // the pool can't know it
	}
}

func (a *account) arrive(t *tokens.Token) {
	a.newest, a.arrived, a.forgotten, a.repeated, a.passedOn = t, now(), false, false, time.Time{}
}

func (n *node) observeFailed(a *account, f *tokens.Failure) {
	now := now()
	least, urgent := time.Second, 5*time.Second
	var asked tokens.RetryAfter
	if errors.As(f.Err, &asked) {
		least, urgent = max(least, asked.RetryDelay()), max(urgent, asked.RetryDelay())
	}
	delay := f.NextAttempt.Sub(now)
	n.require(delay >= least && delay <= max(30*time.Second, least), "a next attempt after %s", delay)
	a.failed, a.notBefore, a.urgent = now, f.NextAttempt, now.Add(min(delay, urgent))
}

func (n *node) observeMinted(a *account, t *tokens.Token) {
	n.require(t.RotatedAt.Equal(t.RotatedAt.Truncate(time.Second)), "a rotation in fractions of a second")
	for _, before := range []time.Time{a.last, n.rotatedAfter} {
		n.require(t.RotatedAt.Sub(before) >= time.Second, "a rotation less than a second after the one before")
	}
	n.require(t.ExpiresAt().After(now()), "a token that had expired was installed")
	n.require(n.epochs[t.ID] == a.epoch, "a late exchange won over an adopted token")
	if a.unsaved != t.ID {
		a.unsaved = ""
		n.require(n.stored[n.key(t.Scopes)] == t, "a token was shared before it was stored")
	}
	a.arrive(t)
	a.last, a.notBefore, a.urgent = t.RotatedAt, time.Time{}, time.Time{}
	n.rotations[t.ID] = t.RotatedAt
}

// judgeWait holds the promise: a reader with a usable token waits for a grace at
// most, and not at all for an exchange that has taken one already.
func (w *world) judgeWait(c *call) {
	w.require(c.took <= limit+50*time.Millisecond, "a read took %s", c.took)
	a := c.node.account(c.scope)
	if c.previous == nil || c.previous != a.newest || !a.usable(now(), c.minLife) {
		return
	}
	if a.arrived.Equal(now()) && a.newest.Left(now()) < min(time.Minute, a.newest.Lifetime/10) {
		return // it had lost its reserve, until the provider said that there is no newer one
	}
	w.require(c.took <= time.Second, "a reader with a usable token waited for %s", c.took)
	w.require(c.took == 0 || !c.slow, "a reader with a usable token waited for %s, the exchange had been slow", c.took)
}

func (w *world) judgeError(c *call) {
	var failure *tokens.Failure
	var minLife *tokens.MinLifeError
	now := now()
	a := c.node.account(c.scope)
	served := a.usable(now, c.minLife) && !a.arrived.Equal(now)
	switch {
	case c.node.over:
		w.require(errors.Is(c.err, tokens.ErrSuperseded), "a retired pool answered: %v", c.err)
	case errors.As(c.err, &minLife):
		w.require(c.minLife > 0, "a wish refused that nobody had")
	case errors.Is(c.err, errStandby):
		w.require(!c.node.mayMint, "a leader refused to mint")
		if served {
			w.require(a.newest.Left(now) <= a.newest.Guarantee(w.renewBefore), "a read passed on before the rotation")
			w.require(now.Sub(a.passedOn) >= 5*time.Second, "two reads passed on in %s", now.Sub(a.passedOn))
			a.passedOn = now
		}
	case errors.As(c.err, &failure):
		w.require(failure.NextAttempt.After(now) || errors.Is(failure, tokens.ErrLateArrival),
			"a failure whose retry time has come")
		w.require(errors.Is(failure, tokens.ErrNoToken) || a.urgent.IsZero() || failure.NextAttempt.Equal(a.urgent) ||
			a.failed.Equal(now), "a failure whose retry time is %s, not %s", failure.NextAttempt, a.urgent)
		w.require(!served, "an error while the previous token was good enough")
	default:
		w.require(false, "an unexpected error: %v", c.err)
	}
}

func (w *world) judgeToken(c *call) {
	t := c.served.Token
	now := now()
	left := t.Left(now)
	a := c.node.account(c.scope)
	w.require(!c.node.over, "a retired pool served a token")
	w.require(strings.HasPrefix(t.AccessToken.Reveal(), c.node.key(c.scope)+"/"), "a token of another generation or scope")
	w.require(left > 0, "an expired token")
	w.require(left >= c.minLife, "less life than asked for")
	w.require(w.rotations[t.ID].Equal(t.RotatedAt), "a token's rotation changed")
	if c.node.mayMint {
		stored := w.stored[c.node.key(c.scope)]
		w.require(a.unsaved != "" || stored != nil && !stored.RotatedAt.Before(t.RotatedAt), "a served token isn't stored")
	}
	if d := c.served.Delay; d != nil {
		w.judgeDelay(c, d)
		return
	}
	w.require(left > t.Guarantee(w.renewBefore) || a.arrived.Equal(now) || a.repeated, "less life than guaranteed")
}

func (w *world) judgeDelay(c *call, d *tokens.Delay) {
	now := now()
	t := c.served.Token
	a := c.node.account(c.scope)
	arrived := a.arrived.Equal(now)
	w.require((d.Reason == tokens.DelayFailing) == (d.Failure != nil), "a delay without its failure")
	w.require(d.Reason != tokens.DelayFailing || !a.notBefore.IsZero() || arrived, "a failure while minting works")
	w.require(d.Reason != tokens.DelayReadOnly || !c.node.mayMint, "a leader that waits for another")
	w.require(!d.Since.After(now), "a delay since %s", d.Since)
	w.require(t.Left(now) <= t.Guarantee(w.renewBefore) || a.forgotten || arrived, "the previous token before the rotation")
	w.require(t.Left(now) >= min(time.Minute, t.Lifetime/10) || a.repeated || arrived, "the previous token beyond its reserve")
}

func (w *world) judgeTTL(c *call) {
	t := c.served.Token
	now := now()
	ttl := time.Duration(c.served.TTL) * time.Second
	most := max((t.Left(now) - 2*time.Second).Truncate(time.Second), time.Second)
	guarantee := t.Guarantee(w.renewBefore)
	w.require(ttl >= min(3*time.Second, most), "a ttl of %s, of at most %s", ttl, most)
	w.require(ttl <= most, "a ttl of %s, of at most %s", ttl, most)
	w.require(c.served.RotationPeriod == int64((t.Lifetime-guarantee)/time.Second), "a token's rotation period changed")
	if c.served.Delay != nil {
		w.require(ttl <= 30*time.Second, "a ttl of %s for the previous token", ttl)
		return
	}
	if c.served.Repeated {
		return
	}
	rotation := t.RotateAt(w.renewBefore)
	w.require(!now.Add(ttl).Before(rotation) || ttl == most, "a ttl that ends before the rotation")
	spread := rotation.Sub(now) + min(guarantee/10, time.Minute) + time.Second
	w.require(ttl <= max(spread, 3*time.Second), "a ttl of %s, at most %s can be", ttl, spread)
}

var _ tokens.Store = (*node)(nil)
