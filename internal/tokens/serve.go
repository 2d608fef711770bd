package tokens

import (
	"context"
	"errors"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
)

// slack is how much longer than its limit readers wait for an exchange: its own
// error says more than ErrNoToken.
const slack = 50 * time.Millisecond

// Served is a token for a reader.
type Served struct {
	*Token
	TTL            int64  // seconds until this engine hands out a new token
	RotationPeriod int64  // seconds
	Delay          *Delay // why this is the previous token; nil in normal running
	Repeated       bool   // the provider has returned this token again: there is no newer one
	NotStored      error  // why a token minted by Rotate could not be stored
}

// reader is one call of Token.
type reader struct {
	minLife   time.Duration
	arrived   time.Time
	graceOver bool
	limitOver bool
	ended     error // how the exchange ended that the reader waited for
}

// Token returns the shared token for the scopes with at least minLife left, minting
// one if need be. While the previous token has its reserve, it returns within a
// second of the start of the exchange; else within Settings.Timeout. Errors are a
// *Failure, a *MinLifeError, what MayMint returns, the context's, or ErrSuperseded.
func (p *Pool) Token(ctx context.Context, set scopes.Set, minLife time.Duration) (Served, error) {
	if s, ok := p.Fresh(set, minLife); ok {
		return s, nil
	}
	r := &reader{minLife: minLife, arrived: p.opts.Now()}
	for {
		l, err := p.look(set, r)
		if err != nil {
			return Served{}, err
		}
		if l.verdict != awaitGrace && l.verdict != await {
			return p.answer(l, r)
		}
		h, err := p.wait(ctx, l, r)
		switch {
		case err != nil:
			return Served{}, err
		case h != nil:
			return p.handOver(h, minLife)
		}
	}
}

// Fresh returns the shared token if it is in memory, not due for rotation and has
// at least minLife left. It does no I/O and waits for nothing.
func (p *Pool) Fresh(set scopes.Set, minLife time.Duration) (Served, bool) {
	p.mu.RLock()
	e := p.entries[set]
	p.mu.RUnlock()
	if e == nil {
		return Served{}, false
	}
	h := e.held.Load()
	if h == nil || p.retired.Load() {
		return Served{}, false
	}
	now, renewBefore := p.opts.Now(), p.settings.Load().RenewBefore
	if !h.isFresh(now, renewBefore, minLife) || h.checkMinLife(minLife, now) != nil {
		return Served{}, false
	}
	h.tally.Fresh.Add(1)
	return p.hand(h, now), true
}

// look is what a reader finds and what it gets.
type look struct {
	snapshot
	entry   *entry
	verdict verdict
}

// look takes the snapshot, decides, and begins the exchange if it takes one: all
// under one lock, so that no reader acts on what another has changed.
func (p *Pool) look(set scopes.Set, r *reader) (l look, err error) {
	now, settings := p.opts.Now(), p.settings.Load()
	err = p.with(set, func(e *entry) {
		l = look{snapshot: e.lockedSnapshot(now, settings), entry: e}
		l.verdict = r.decide(&l.snapshot)
		own := true
		switch l.verdict {
		case passOn, retry:
			if e.readOnly != nil {
				e.readOnly.claim(now)
			}
			l.exchange, _ = p.lockedJoin(e, now, goal{})
		case awaitGrace, await:
			l.exchange, own = p.lockedJoin(e, now, goal{minLife: r.minLife})
		default:
		}
		if !own {
			e.tally.Coalesced.Add(1)
		}
	})
	return l, err
}

// answer returns what was decided.
func (p *Pool) answer(l look, r *reader) (Served, error) {
	switch l.verdict {
	case giveFresh:
		l.tally.Fresh.Add(1)
		return p.hand(l.held, l.now), nil
	case givePrevious, retry:
		return p.handPrevious(l), nil
	case passOn:
		// Called without a lock. A node that has become the writer passes nothing on.
		if err := p.settings.Load().MayMint(); err != nil {
			return Served{}, err
		}
		return p.handPrevious(l), nil
	case refuse:
		return Served{}, l.checkMinLife(r.minLife, l.now)
	default:
		err := l.why(r)
		// Anything else is the reader's own doing, or for another node or pool to answer.
		if _, failed := errors.AsType[*Failure](err); failed {
			l.entry.tally.Failed.Add(1)
		}
		return Served{}, err
	}
}

// why is the error of a reader for whom there is no token.
func (l *look) why(r *reader) error {
	ended, failed := errors.AsType[*Failure](r.ended)
	switch {
	case r.ended != nil && !failed:
		return r.ended
	case l.failure != nil && l.verdict == fail:
		return l.failure.urgently()
	case failed:
		return ended.urgently()
	}
	since := r.arrived
	if l.exchange != nil {
		since = l.exchange.started
	}
	return &Failure{Err: ErrNoToken, Since: since, NextAttempt: l.now.Add(minRetry), Attempts: 1}
}

// wait returns at the end of the exchange or when it has lost its place, at the end
// of the reader's patience, or with the error of ctx. The token is the exchange's. A
// reader who joins an exchange that has used up its time has no patience left.
func (p *Pool) wait(ctx context.Context, l look, r *reader) (*held, error) {
	x := l.exchange
	from := x.started
	if r.arrived.Before(from) {
		from = r.arrived
	}
	over, until := &r.graceOver, from.Add(grace)
	if l.verdict == await {
		over, until = &r.limitOver, from.Add(l.timeout+slack)
	}
	patience := time.NewTimer(until.Sub(l.now))
	defer patience.Stop()
	r.ended = nil
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-x.ctx.Done():
	case <-x.done:
	case <-patience.C:
		*over = true
	}
	select {
	case <-x.done:
		r.ended = x.result.err
		return x.result.held, nil
	default:
		return nil, nil
	}
}

// handPrevious returns the previous token and says why.
func (p *Pool) handPrevious(l look) Served {
	l.tally.Degraded.Add(1)
	s := p.hand(l.held, l.now)
	s.Delay = l.delay()
	soonest := minTTL
	if f := s.Delay.Failure; f != nil {
		soonest = min(max(f.NextAttempt.Sub(l.now), minTTL), maxRetry)
	}
	s.TTL = min(l.seconds(soonest+p.opts.Jitter(maxRetry-soonest), l.now), int64(maxRetry/time.Second))
	return s
}

// handOver returns the token that an exchange brought to a reader who waited for it.
func (p *Pool) handOver(h *held, minLife time.Duration) (Served, error) {
	now := p.opts.Now()
	left := h.Left(now)
	switch {
	case p.retired.Load():
		return Served{}, ErrSuperseded
	case left <= 0:
		h.tally.Failed.Add(1)
		return Served{}, &Failure{Err: ErrLateArrival, Since: now, NextAttempt: now, Attempts: 1}
	case left < minLife:
		return Served{}, &MinLifeError{Asked: minLife, Max: min(left, h.Lifetime/10*9), Lifetime: h.Lifetime}
	}
	if err := h.checkMinLife(minLife, now); err != nil {
		return Served{}, err
	}
	h.tally.Fresh.Add(1)
	return p.hand(h, now), nil
}

// hand returns the token to a reader and marks it as used.
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
		Repeated:       h.repeated,
	}
}
