package tokens

import (
	"context"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
)

const (
	// storageTime bounds one call to the store, so that a storage that hangs doesn't
	// hold a minted token back from its readers for long.
	storageTime = 5 * time.Second

	// maxAhead is how far RotatedAt may run ahead of the clock before rotations are
	// refused.
	maxAhead = 5 * time.Second
)

// obtain does what an exchange is for. No reader owns it: it has a limit of its own.
func (p *Pool) obtain(x *exchange, g goal) {
	defer p.end(x)
	settings := p.settings.Load()
	ctx, cancel := context.WithTimeout(x.ctx, settings.Timeout)
	defer cancel()
	mayNot := settings.MayMint()
	if loaded, _ := x.entry.isLoaded(); !loaded || mayNot != nil {
		p.load(ctx, x.entry, settings)
	}
	done, err := x.entry.settled(g, p.opts.Now(), settings)
	switch {
	case done || err != nil:
		x.result.err = err
	case mayNot != nil:
		x.entry.mayNotMint(x)
		x.result.err = mayNot
	default:
		x.result = p.mint(ctx, x, settings)
	}
}

// settled reports whether the store has brought what the exchange is for, and
// returns an error if nothing may be minted yet.
func (e *entry) settled(g goal, now time.Time, settings *Settings) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.lockedSnapshot(now, settings)
	next := e.minted.Add(time.Second)
	switch {
	case g.anew && e.rotated.Add(time.Second).Sub(now) > maxAhead && now.Before(next):
		return false, &TooManyRotationsError{NextAttempt: next}
	case g.anew:
		return false, nil
	case g.replaces != nil && s.held != g.replaces, g.replaces == nil && s.isFresh(g.minLife):
		return true, nil
	case s.isHeldBack(g.minLife):
		return false, s.failure
	}
	return false, nil
}

// mint waits for a slot and makes the request; ctx ends with the limit for both.
func (p *Pool) mint(ctx context.Context, x *exchange, settings *Settings) result {
	grant, err := p.request(ctx, x.entry.scopes, settings)
	if err != nil {
		return p.failed(x, settings, err)
	}
	limit, _ := ctx.Deadline()
	saving, cancel := context.WithTimeout(x.ctx, max(grace, min(storageTime, time.Until(limit))))
	defer cancel()
	return p.adopt(saving, x, settings, grant)
}

func (p *Pool) request(ctx context.Context, set scopes.Set, settings *Settings) (Grant, error) {
	if p.slots.Acquire(ctx, 1) != nil {
		return Grant{}, ErrNoSlot
	}
	defer p.slots.Release(1)
	return settings.Mint(ctx, set)
}

// failed counts a failed attempt, unless the pool is over, another exchange has
// taken x's place, or a config write, which ends every wait, has come meanwhile.
func (p *Pool) failed(x *exchange, settings *Settings, err error) result {
	e := x.entry
	now := p.opts.Now()
	e.mu.Lock()
	counts := e.exchange == x && p.settings.Load() == settings && !p.retired.Load()
	if counts {
		e.failure = e.failure.next(err, now, p.opts.Jitter)
	}
	f := e.failure
	e.mu.Unlock()
	if !counts {
		return result{}
	}
	e.tally.fail(f, now)
	p.observe(Event{Kind: MintFailed, Scopes: e.scopes, Failure: f})
	return result{err: f}
}

// adopt makes a grant the shared token. It is stored before anyone gets it: the
// token that a reader has survives this node.
func (p *Pool) adopt(ctx context.Context, x *exchange, settings *Settings, grant Grant) result {
	e := x.entry
	t, kind, count := newToken(e.scopes, grant, e.lastRotation()), Minted, &e.tally.Minted
	if h := e.held.Load(); h != nil && h.ID == t.ID { // asking again gives it no new life
		t, kind, count = h.Token, Repeated, &e.tally.Repeated
	}
	switch {
	case t.Left(p.opts.Now()) <= 0:
		return p.failed(x, settings, ErrLateArrival)
	case x.ctx.Err() != nil:
		return result{} // another exchange has taken its place
	}
	var notStored error
	if kind == Minted {
		notStored = p.save(ctx, t)
	}
	switch {
	case p.retired.Load():
		return result{err: ErrSuperseded}
	case x.ctx.Err() == nil && t.Left(p.opts.Now()) <= 0:
		return p.failed(x, settings, ErrLateArrival)
	}
	h, ended, ok := e.succeed(x, t, kind == Repeated, p.opts.Now())
	if !ok {
		p.underWay.Go(func() { p.saveAgain(e) })
		return result{}
	}
	count.Add(1)
	p.observe(Event{Kind: kind, Scopes: e.scopes, Token: t, Grant: &grant, Failure: ended})
	return result{held: h, notStored: notStored}
}

// Adopt makes a grant that was minted elsewhere the shared token for the scopes. It
// takes the place of an exchange under way, whose token is dropped, and waits for
// the store alone: until ctx ends, and at most 5 s. A token that the store did not
// take is shared all the same. The only error is ErrSuperseded.
func (p *Pool) Adopt(ctx context.Context, set scopes.Set, grant Grant) error {
	now := p.opts.Now()
	var x *exchange
	err := p.with(set, func(e *entry) {
		if e.exchange != nil {
			e.exchange.cancel()
		}
		x = p.lockedBegin(e, now)
	})
	if err != nil {
		return err
	}
	defer p.end(x)
	ctx, cancel := context.WithTimeout(ctx, storageTime)
	defer cancel()
	defer context.AfterFunc(x.ctx, cancel)()
	settings := p.settings.Load()
	if loaded, _ := x.entry.isLoaded(); !loaded {
		p.load(ctx, x.entry, settings) // for the rotation that the grant's must follow
	}
	x.result = p.adopt(ctx, x, settings, grant)
	return nil
}
