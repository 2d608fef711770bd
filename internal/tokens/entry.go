package tokens

import (
	"sync"
	"sync/atomic"
	"time"
)

// held is a token in memory.
type held struct {
	*Token
	used  atomic.Bool // handed out since it was minted
	ahead atomic.Bool // one reader goes to the node that may mint, so that it renews this in time

	tally *Tally
}

// entry is what is known of one set of scopes. Readers of a fresh token touch
// nothing but the atomic pointer; mu is never held across I/O.
type entry struct {
	held  atomic.Pointer[held]
	tally *Tally

	mu      sync.Mutex
	failure *Failure  // nil while minting works
	loaded  bool      // storage was asked
	forgets uint64    // how often the entry was dropped
	flying  bool      // an exchange, or the load before it, is under way
	landed  time.Time // when the last one ended
	last    time.Time // the latest RotatedAt, of tokens forgotten too
}

func (e *entry) failing() *Failure {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failure
}

// fail counts a failed attempt. If its settings have been replaced meanwhile there
// is nothing to count: whoever replaced them ends every wait, before or after this.
func (e *entry) fail(err error, now time.Time, jitter Jitter, replaced func() bool) (*Failure, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if replaced() {
		return nil, false
	}
	e.failure = e.failure.next(err, now, jitter)
	return e.failure, true
}

// endWait lets the next reader mint at once.
func (e *entry) endWait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failure = nil
}

// outage returns the old token, if there is one, and why there is no new one.
func (e *entry) outage() (*held, *Failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.held.Load(), e.failure
}

func (e *entry) lastRotation() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

func (e *entry) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held.Store(nil)
	e.loaded = false
	e.forgets++
}

func (e *entry) timesForgotten() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.forgets
}

// keep notes what storage holds: a token, one that is over, or none. What was
// read before another node replaced it, which forgets counts, isn't kept.
func (e *entry) keep(t *Token, now time.Time, forgets uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.forgets != forgets:
		return false
	case t != nil && t.Left(now) > 0:
		e.lockedInstall(t)
		return true
	case t != nil && t.RotatedAt.After(e.last):
		e.last = t.RotatedAt
	}
	e.loaded = true
	return true
}

// succeed makes a token that was just minted the shared one. It ends the failure
// that was, and returns it: nobody finds the new token with the old failure.
func (e *entry) succeed(t *Token) (*held, *Failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.failure
	e.failure = nil
	return e.lockedInstall(t), was
}

// lockedInstall makes t the shared token, unless it or a later one is there
// already; mu is held.
func (e *entry) lockedInstall(t *Token) *held {
	e.loaded = true
	if h := e.held.Load(); h != nil && !t.RotatedAt.After(h.RotatedAt) {
		return h
	}
	h := &held{Token: t, tally: e.tally}
	e.held.Store(h)
	if t.RotatedAt.After(e.last) {
		e.last = t.RotatedAt
	}
	return h
}

func (e *entry) takeOff() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flying = true
}

func (e *entry) land(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flying, e.landed = false, now
}

// busy says that an exchange is under way.
func (e *entry) busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.flying
}

func (e *entry) isLoaded() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.loaded
}

// idle says that nothing would be lost with the entry.
func (e *entry) idle(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.held.Load()
	expired := h == nil || h.Left(now) <= 0
	waiting := e.failure != nil && now.Before(e.failure.NextAttempt.Add(rememberFailure))
	// The next rotation is a second later, even where the clock isn't.
	rotated := now.Before(e.last.Add(time.Second))
	return expired && !waiting && !rotated && !e.flying
}
