package tokens

import (
	"context"
	"errors"
	"time"
)

// Served is a token on its way to a reader.
type Served struct {
	*Token
	TTL            int64    // seconds until this engine hands out a new token
	RotationPeriod int64    // seconds
	Degraded       *Failure // why an old token is served; nil in normal running
	Unstored       error    // why a token minted by Rotate couldn't be stored
}

// Token returns the shared token of the scopes with at least minLife left,
// minting it where need be. Errors are a *Failure, a *MinLifeError, what
// MayMint returns, the context's, or ErrSuperseded.
func (p *Pool) Token(ctx context.Context, scope string, minLife time.Duration) (Served, error) {
	s, err := p.token(ctx, scope, minLife)
	// All else is the reader's own doing, or another node's or pool's to answer.
	if _, failed := errors.AsType[*Failure](err); failed {
		p.entry(scope).tally.Failed.Add(1)
	}
	return s, err
}

func (p *Pool) token(ctx context.Context, scope string, minLife time.Duration) (Served, error) {
	if err := p.goAhead(p.entry(scope)); err != nil {
		return Served{}, err
	}
	for {
		e := p.entry(scope)
		if s, ok := p.fresh(e, minLife); ok {
			return s, nil
		}
		if s, err := p.beforeMinting(scope, e, minLife); err != nil || s.Token != nil {
			return s, err
		}
		out, err := p.await(ctx, scope, want{minLife: minLife})
		switch {
		case err != nil:
			return p.afterFailing(e, minLife, err)
		case out.minted:
			return p.handOver(out.held, minLife)
		}
	}
}

// Fresh returns the shared token if it is in memory, not due for rotation and has
// at least minLife left. It does no I/O and waits for nothing.
func (p *Pool) Fresh(scope string, minLife time.Duration) (Served, bool) {
	p.mu.RLock()
	e := p.entries[scope]
	p.mu.RUnlock()
	if e == nil {
		return Served{}, false
	}
	return p.fresh(e, minLife)
}

// Rotate mints a token now, whatever the retry times say, and makes it the shared
// one. If minting fails the old one stays.
func (p *Pool) Rotate(ctx context.Context, scope string) (Served, error) {
	for {
		out, err := p.await(ctx, scope, want{anew: true})
		switch {
		case out.minted:
			s := p.describe(out.held, p.opts.Now())
			s.Unstored = out.unkept
			return s, nil
		case err != nil && (out.own || ctx.Err() != nil):
			return Served{}, err
		}
	}
}

func (p *Pool) fresh(e *entry, minLife time.Duration) (Served, bool) {
	h := e.held.Load()
	if h == nil || h.ahead.Load() || p.retired.Load() {
		return Served{}, false
	}
	now := p.opts.Now()
	if !p.isFresh(h, now, minLife) || h.checkMinLife(minLife) != nil {
		return Served{}, false
	}
	h.tally.Fresh.Add(1)
	return p.hand(h, now), true
}

func (p *Pool) isFresh(h *held, now time.Time, minLife time.Duration) bool {
	renewBefore := p.settings.Load().RenewBefore
	return h.untilRotation(now, renewBefore) > 0 && h.Left(now) >= minLife
}

// goAhead returns what MayMint does to one reader of a token that is soon due, on
// a node that may not mint: sent to the one that may, the reader tells it that
// the token is in use.
func (p *Pool) goAhead(e *entry) error {
	h := e.held.Load()
	if h == nil || p.retired.Load() || !h.ahead.CompareAndSwap(true, false) {
		return nil
	}
	return p.settings.Load().MayMint()
}

// beforeMinting answers what can be told without an exchange: the old token, why
// minting fails, why the wish for life can't be met, or that the pool is over.
// Neither a token nor an error: an exchange is due.
func (p *Pool) beforeMinting(scope string, e *entry, minLife time.Duration) (Served, error) {
	if p.retired.Load() {
		return Served{}, ErrSuperseded
	}
	if h := e.held.Load(); h != nil {
		if err := h.checkMinLife(minLife); err != nil {
			return Served{}, err
		}
	}
	f := e.failing()
	if f == nil {
		return Served{}, nil
	}
	now := p.opts.Now()
	waiting := now.Before(f.NextAttempt)
	if s, ok := p.degraded(e, minLife); ok {
		if !waiting && !e.busy() {
			p.start(scope, want{})
		}
		return s, nil
	}
	// Where storage wasn't read yet it may hold a token that needs no exchange.
	if waiting && (e.isLoaded() || p.settings.Load().Store == nil) {
		return Served{}, f
	}
	return Served{}, nil
}

func (p *Pool) afterFailing(e *entry, minLife time.Duration, err error) (Served, error) {
	if _, failed := errors.AsType[*Failure](err); failed {
		// A config write may have put the rotation off meanwhile.
		if s, ok := p.fresh(e, minLife); ok {
			return s, nil
		}
		if s, ok := p.degraded(e, minLife); ok {
			return s, nil
		}
	}
	return Served{}, err
}

// degraded hands out the old token while minting fails.
func (p *Pool) degraded(e *entry, minLife time.Duration) (Served, bool) {
	h, f := e.outage()
	now := p.opts.Now()
	if h == nil || f == nil || p.retired.Load() || h.Left(now) < max(minLife, h.reserve()) {
		return Served{}, false
	}
	h.tally.Degraded.Add(1)
	s := p.hand(h, now)
	soonest := min(max(f.NextAttempt.Sub(now), minTTL), maxRetry)
	s.TTL = min(h.seconds(soonest+p.opts.Jitter(maxRetry-soonest), now), int64(maxRetry/time.Second))
	s.Degraded = f
	return s, true
}

// handOver gives a reader the token that was minted for it.
func (p *Pool) handOver(h *held, minLife time.Duration) (Served, error) {
	now := p.opts.Now()
	left := h.Left(now)
	switch {
	case p.retired.Load():
		return Served{}, ErrSuperseded
	case left <= 0:
		return Served{}, &Failure{Err: ErrLateArrival, Since: now, NextAttempt: now, Attempts: 1}
	case left < minLife, h.checkMinLife(minLife) != nil:
		return Served{}, &MinLifeError{Asked: minLife, Max: h.Lifetime / 10 * 9, Lifetime: h.Lifetime}
	}
	h.tally.Fresh.Add(1)
	return p.hand(h, now), nil
}

// hand is describe for a reader: the token is in use from now on.
func (p *Pool) hand(h *held, now time.Time) Served {
	if !h.used.Load() && h.used.CompareAndSwap(false, true) {
		p.opts.Wake()
	}
	return p.describe(h, now)
}

func (p *Pool) describe(h *held, now time.Time) Served {
	renewBefore := p.settings.Load().RenewBefore
	ttl := h.untilRotation(now, renewBefore) + p.opts.Jitter(h.spread(renewBefore))
	return Served{
		Token:          h.Token,
		TTL:            h.seconds(ttl, now),
		RotationPeriod: int64(h.RotationPeriod(renewBefore) / time.Second),
	}
}
