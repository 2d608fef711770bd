package tokens

import (
	"sync"
	"sync/atomic"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
)

// held is a token in memory.
type held struct {
	*Token
	repeated bool          // the provider has returned it again: there is no newer one
	askAt    time.Duration // life left when the provider is asked again; of repeated alone

	used     atomic.Bool // handed out since it was minted
	replaced atomic.Bool // another node has stored a newer token, which is yet to be loaded
}

// untilRotation is the time left until the next token is due; zero or less means
// due.
func (h *held) untilRotation(now time.Time, renewBefore time.Duration) time.Duration {
	due := h.Guarantee(renewBefore)
	if h.repeated {
		due = min(due, h.askAt)
	}
	return h.Left(now) - due
}

// lead is how long before the rotation a renewal starts: long enough for a slow
// exchange and a retry, short enough not to waste a short token's life.
func (h *held) lead(renewBefore time.Duration) time.Duration {
	if h.repeated {
		return 0
	}
	return min(maxLead, h.RotationPeriod(renewBefore)/4)
}

// isFresh reports whether the token is handed out without any exchange.
func (h *held) isFresh(now time.Time, renewBefore, minLife time.Duration) bool {
	return !h.replaced.Load() && h.untilRotation(now, renewBefore) > 0 && h.Left(now) >= minLife
}

// isUsable reports whether the token may be handed out while there is no new one.
func (h *held) isUsable(now time.Time, minLife time.Duration) bool {
	least := max(minLife, h.reserve())
	if h.repeated {
		least = max(minLife, 1)
	}
	return h.Left(now) >= least
}

// maxLife is the most life that a reader can ask for: 90 % of a lifetime, as more
// would mint a token for nearly every read, and no more than is left while the
// provider has no newer token.
func (h *held) maxLife(now time.Time) time.Duration {
	most := h.Lifetime / 10 * 9
	if left := h.Left(now); h.repeated && left > h.askAt {
		most = min(most, left)
	}
	return most
}

// entry is what is known about one set of scopes. Readers of a fresh token touch
// nothing but the atomic pointer; mu is never held across I/O.
type entry struct {
	scopes scopes.Set
	held   atomic.Pointer[held]
	tally  *Tally

	mu       sync.Mutex
	failure  *Failure  // nil while minting works
	readOnly *readOnly // nil unless this node has found that it may not mint
	asked    bool      // since the start or the latest forget, the store was asked
	loaded   bool      // and answered
	forgets  uint64    // how often another node's token replaced the one held
	exchange *exchange // the one under way
	ended    time.Time // when the latest exchange ended
	minted   time.Time // when the latest token was minted here
	rotated  time.Time // the latest RotatedAt, also of tokens that are gone
}

// endWait lets the next reader begin an exchange at once.
func (e *entry) endWait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failure, e.readOnly = nil, nil
}

// underWay returns the exchange under way, if any.
func (e *entry) underWay() *exchange {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.exchange
}

func (e *entry) lastRotation() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rotated
}

// forget has the store asked before the token in memory is handed out again. The
// token remains the previous one, for as long as the store doesn't answer.
func (e *entry) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h := e.held.Load(); h != nil {
		h.replaced.Store(true)
	}
	e.asked, e.loaded = false, false
	e.forgets++
}

func (e *entry) isLoaded() (loaded bool, forgets uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.loaded, e.forgets
}

// notLoaded notes that the store did not answer.
func (e *entry) notLoaded(forgets uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = e.asked || e.forgets == forgets
}

// keep notes what the store holds: a token, one that has expired or has an unknown
// age, or none. It keeps nothing that was read before another node replaced it,
// which forgets counts.
func (e *entry) keep(t *Token, now time.Time, forgets uint64) (kept, installed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.forgets != forgets {
		return false, false
	}
	e.asked, e.loaded = true, true
	if t == nil {
		return true, false
	}
	e.lockedRotated(t)
	if t.Left(now) <= 0 {
		return true, false
	}
	h := e.held.Load()
	switch {
	case h != nil && h.ID == t.ID:
		h.replaced.Store(false)
		return true, false
	case h != nil && !h.replaced.Load() && !t.RotatedAt.After(h.RotatedAt):
		return true, false
	}
	e.lockedInstall(&held{Token: t})
	return true, true
}

// succeed makes a token that was just minted the shared one and ends the failure,
// which it returns: nobody finds the new token with the failure from before. If the
// provider returned the token held once more, it is asked again when half of what is
// left has passed. succeed does nothing if another exchange has taken x's place.
func (e *entry) succeed(x *exchange, t *Token, repeated bool, now time.Time) (h *held, ended *Failure, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.exchange != x || x.ctx.Err() != nil {
		return nil, nil, false
	}
	h = &held{Token: t, repeated: repeated}
	if repeated {
		left := t.Left(now)
		h.askAt = max(0, left-max(left/2, minRetry))
	} else {
		e.minted, e.loaded = now, true
		e.lockedRotated(t)
	}
	ended, e.failure = e.failure, nil
	e.lockedInstall(h)
	return h, ended, true
}

// lockedRotated notes the rotation of t if it is the latest; mu is held.
func (e *entry) lockedRotated(t *Token) {
	if t.RotatedAt.After(e.rotated) {
		e.rotated = t.RotatedAt
	}
}

// lockedInstall makes h the shared token; mu is held.
func (e *entry) lockedInstall(h *held) {
	e.readOnly = nil
	e.held.Store(h)
}

// lockedIsIdle reports whether nothing would be lost with the entry; mu is held.
func (e *entry) lockedIsIdle(now time.Time) bool {
	h := e.held.Load()
	expired := h == nil || h.Left(now) <= 0
	waiting := e.failure != nil && now.Before(e.failure.NextAttempt.Add(rememberFailure))
	// The next rotation is a second later, even if the clock isn't.
	rotated := now.Before(e.rotated.Add(time.Second))
	return expired && !waiting && !rotated && e.exchange == nil
}
