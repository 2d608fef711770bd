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
		ended, late, err := l.exchange.wait(ctx, l.patience(r))
		switch {
		case err != nil:
			return Served{}, err
		case ended.held != nil:
			return p.handOver(l.entry, ended.held, minLife)
		}
		r.ended = ended.err
		r.graceOver = r.graceOver || late
		r.limitOver = late && l.verdict == await
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
	if !h.isFresh(now, renewBefore, minLife) || minLife > h.maxLife(now) {
		return Served{}, false
	}
	e.tally.Fresh.Add(1)
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
		l.entry.tally.Fresh.Add(1)
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
		return Served{}, &MinLifeError{Asked: r.minLife, Max: l.maxLife(l.now), Lifetime: l.Lifetime}
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
	if l.verdict == giveUp {
		return notInTime(l.since(r), l.now)
	}
	failure, failed := errors.AsType[*Failure](r.ended)
	if r.ended != nil && !failed {
		return r.ended
	}
	if l.failure != nil {
		failure = l.failure
	}
	return failure.urgently()
}

// since is when the wait began: with the exchange, or with the reader if that was
// earlier.
func (l *look) since(r *reader) time.Time {
	if l.exchange != nil && l.exchange.started.Before(r.arrived) {
		return l.exchange.started
	}
	return r.arrived
}

// patience is how much longer the reader waits. A reader who joins an exchange that
// has used up its time has no patience left.
func (l *look) patience(r *reader) time.Duration {
	most := grace
	if l.verdict == await {
		most = l.timeout + slack
	}
	return l.since(r).Add(most).Sub(l.now)
}

// handPrevious returns the previous token and says why.
func (p *Pool) handPrevious(l look) Served {
	l.entry.tally.Degraded.Add(1)
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
func (p *Pool) handOver(e *entry, h *held, minLife time.Duration) (Served, error) {
	now := p.opts.Now()
	left := h.Left(now)
	most := min(h.maxLife(now), left)
	switch {
	case p.retired.Load():
		return Served{}, ErrSuperseded
	case left <= 0:
		e.tally.Failed.Add(1)
		return Served{}, &Failure{Err: ErrLateArrival, Since: now, NextAttempt: now, Attempts: 1}
	case minLife > most:
		return Served{}, &MinLifeError{Asked: minLife, Max: most, Lifetime: h.Lifetime}
	}
	e.tally.Fresh.Add(1)
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
