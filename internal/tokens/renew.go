package tokens

import (
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
)

const (
	// idleRenewal is how long Renew lets its caller sleep if nothing is due.
	idleRenewal = time.Hour

	// readOnlyRenewal is how long if this node may not mint.
	readOnlyRenewal = time.Minute
)

// Renew starts the exchanges that are due for tokens in use and returns how long
// until the next may be. It doesn't wait for them; the pool's Wake is called when
// one has ended.
func (p *Pool) Renew() time.Duration {
	if p.retired.Load() {
		return idleRenewal
	}
	now := p.opts.Now()
	next := idleRenewal
	due := make(map[scopes.Set]goal)
	for set, e := range p.all() {
		h, wait, ok := p.renewal(e, now)
		switch {
		case !ok:
		case wait > 0:
			next = min(next, wait)
		default:
			due[set] = goal{replaces: h}
		}
	}
	next = min(next, p.forgetIdle(now))
	if len(due) > 0 && p.settings.Load().MayMint() != nil {
		return min(next, readOnlyRenewal)
	}
	for set, g := range due {
		_, _, _ = p.join(set, g) // a pool that was retired meanwhile renews nothing
	}
	return next
}

// renewal returns how long until the entry's token is renewed: ahead of its
// rotation or, once an attempt has failed, when the next is due. A token that
// nobody has read, has expired, was replaced or is being renewed is not renewed.
func (p *Pool) renewal(e *entry, now time.Time) (*held, time.Duration, bool) {
	settings := p.settings.Load()
	e.mu.Lock()
	s, ended := e.lockedSnapshot(now, settings), e.ended
	e.mu.Unlock()
	h := s.held
	if h == nil || h.Left(now) <= 0 || h.replaced.Load() || s.exchange != nil || s.failure == nil && !h.used.Load() {
		return nil, 0, false
	}
	wait := h.untilRotation(now, settings.RenewBefore) - h.lead(settings.RenewBefore)
	if s.failure != nil {
		wait = s.failure.NextAttempt.Sub(now)
	}
	// A token so short that it is due on arrival must not turn into a tight loop.
	return h, max(wait, ended.Add(minRetry).Sub(now)), true
}

// forgetIdle drops the entries that hold nothing any more, and returns how long
// until a failure without a token is forgotten: until then it counts as failing.
func (p *Pool) forgetIdle(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := idleRenewal
	for set, e := range p.entries {
		e.mu.Lock()
		idle, f := e.lockedIsIdle(now), e.failure
		e.mu.Unlock()
		if idle {
			delete(p.entries, set)
		} else if f != nil {
			if wait := f.NextAttempt.Add(rememberFailure).Sub(now); wait > 0 {
				next = min(next, wait)
			}
		}
	}
	return next
}
