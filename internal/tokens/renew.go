package tokens

import "time"

const (
	// idleRenewal is how long Renew lets its caller sleep where nothing is due.
	idleRenewal = time.Hour

	// denyRenewal is how long where this node may not mint.
	denyRenewal = time.Minute
)

// Renew starts the exchanges that are due for tokens in use and returns how long
// until the next may be. It waits for none of them; the pool's Wake tells when
// one has ended.
func (p *Pool) Renew() time.Duration {
	if p.retired.Load() {
		return idleRenewal
	}
	now := p.opts.Now()
	next := idleRenewal
	due := make(map[string]*held)
	for scope, e := range p.all() {
		h, wait, ok := p.renewal(e, now)
		switch {
		case !ok:
		case wait > 0:
			next = min(next, wait)
		default:
			due[scope] = h
		}
	}
	next = min(next, p.forgetIdle(now))
	if len(due) > 0 && p.settings.Load().MayMint() != nil {
		for _, h := range due {
			h.ahead.Store(true)
		}
		return denyRenewal
	}
	for scope, h := range due {
		p.start(scope, want{replaces: h})
	}
	return next
}

// renewal tells how long until the entry's token is renewed: ahead of its
// rotation or, once an attempt has failed, when the next is due, whoever wanted
// it. A token that nobody read, has expired or is just being renewed has none.
func (p *Pool) renewal(e *entry, now time.Time) (*held, time.Duration, bool) {
	h := e.held.Load()
	if h == nil || h.Left(now) <= 0 {
		return nil, 0, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	renewBefore := p.settings.Load().RenewBefore
	wait := h.untilRotation(now, renewBefore) - h.lead(renewBefore)
	switch {
	case e.flying, e.failure == nil && !h.used.Load():
		return nil, 0, false
	case e.failure != nil:
		wait = e.failure.NextAttempt.Sub(now)
	}
	// A token so short that it is due on arrival must not turn into a tight loop.
	return h, max(wait, e.landed.Add(minRetry).Sub(now)), true
}

// forgetIdle drops the entries that hold nothing any more, and tells how long until
// a failure of one without a token is forgotten: until then it counts as failing.
func (p *Pool) forgetIdle(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := idleRenewal
	for scope, e := range p.entries {
		if e.idle(now) {
			delete(p.entries, scope)
		} else if f := e.failing(); f != nil {
			if wait := f.NextAttempt.Add(rememberFailure).Sub(now); wait > 0 {
				next = min(next, wait)
			}
		}
	}
	return next
}
