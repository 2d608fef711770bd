package tokens

import "time"

// grace is the longest that a reader waits while the previous token is usable,
// counted from the start of the exchange.
const grace = time.Second

// Reason is why there is no new token yet.
type Reason string

// The reasons for a delay.
const (
	DelaySlow     Reason = "slow"      // an exchange has taken longer than the grace
	DelayFailing  Reason = "failing"   // exchanges fail
	DelayReadOnly Reason = "read-only" // this node may not mint and waits for the one that may
)

// Delay says why a reader was given the previous token.
type Delay struct {
	Reason  Reason
	Since   time.Time
	Failure *Failure // of DelayFailing alone
}

// snapshot is an entry at one moment, taken under one lock.
type snapshot struct {
	*held
	failure  *Failure
	readOnly *readOnly
	exchange *exchange
	asked    bool
	loaded   bool

	now         time.Time
	renewBefore time.Duration
	timeout     time.Duration
}

// lockedSnapshot is the entry at now; mu is held.
func (e *entry) lockedSnapshot(now time.Time, settings *Settings) snapshot {
	return snapshot{
		held:        e.held.Load(),
		failure:     e.failure,
		readOnly:    e.readOnly,
		exchange:    e.exchange,
		asked:       e.asked || settings.Store == nil,
		loaded:      e.loaded || settings.Store == nil,
		now:         now,
		renewBefore: settings.RenewBefore,
		timeout:     settings.Timeout,
	}
}

func (s *snapshot) isFresh(minLife time.Duration) bool {
	return s.held != nil && s.held.isFresh(s.now, s.renewBefore, minLife)
}

func (s *snapshot) isUsable(minLife time.Duration) bool {
	return s.held != nil && s.held.isUsable(s.now, minLife)
}

// isHeldBack reports whether the next attempt isn't due yet. It is due sooner for
// readers without a usable token.
func (s *snapshot) isHeldBack(minLife time.Duration) bool {
	if s.failure == nil {
		return false
	}
	due := s.failure.urgent
	if s.isUsable(minLife) {
		due = s.failure.NextAttempt
	}
	return s.now.Before(due)
}

// delay says why there is no new token, nil if nothing is in its way.
func (s *snapshot) delay() *Delay {
	switch {
	case s.failure != nil:
		return &Delay{Reason: DelayFailing, Since: s.failure.Since, Failure: s.failure}
	case s.readOnly != nil:
		return &Delay{Reason: DelayReadOnly, Since: s.readOnly.since}
	case s.exchange != nil:
		return &Delay{Reason: DelaySlow, Since: s.exchange.started}
	}
	return nil
}

// verdict is what a reader gets.
type verdict int

const (
	refuse       verdict = iota // a MinLifeError
	giveFresh                   // the shared token
	givePrevious                // the previous token
	retry                       // the previous token; an exchange begins without the reader
	passOn                      // what MayMint returns: another node answers
	awaitGrace                  // join or begin the exchange, for the rest of the grace
	fail                        // the failure, or how the exchange ended
	giveUp                      // ErrNoToken
	await                       // join or begin the exchange, for the rest of its limit
)

// decide is the one place that says what a reader gets: the first row that holds.
func (r *reader) decide(s *snapshot) verdict {
	usable := s.isUsable(r.minLife)
	heldBack := s.isHeldBack(r.minLife)
	switch {
	case s.held != nil && r.minLife > s.maxLife(s.now):
		return refuse
	case s.isFresh(r.minLife):
		return giveFresh

	case usable && s.replaced.Load() && !s.asked && !r.graceOver:
		return awaitGrace
	case usable && heldBack:
		return givePrevious
	case usable && s.failure != nil:
		return retry
	case usable && s.readOnly != nil && s.now.Before(s.readOnly.next):
		return givePrevious
	case usable && s.readOnly != nil && s.untilRotation(s.now, s.renewBefore) <= 0:
		return passOn
	case usable && (s.readOnly != nil || r.graceOver):
		return retry
	case usable:
		return awaitGrace

	case r.ended != nil, heldBack && s.loaded:
		return fail
	case r.limitOver:
		return giveUp
	}
	return await
}
