package tokens

import (
	"errors"
	"fmt"
	"time"
)

const (
	minRetry = time.Second
	maxRetry = 30 * time.Second

	// maxUrgentRetry bounds the wait while readers come who have no usable token.
	maxUrgentRetry = 5 * time.Second

	// rememberFailure is how long after the next attempt was due a failure still
	// counts: a reader who comes rarely doesn't reset the backoff.
	rememberFailure = 10 * time.Minute
)

// ErrSuperseded says that the app's identity or secret has changed: the caller
// looks the app up again.
var ErrSuperseded = errors.New("the app's credentials were replaced while the token was being minted")

// ErrLateArrival is a grant that had expired before it arrived.
var ErrLateArrival = errors.New("the token had expired before it arrived")

// The errors of an exchange that takes longer than Settings.Timeout. Their
// category is "timed_out".
var (
	// ErrNoSlot: the app's slots were taken the whole time.
	ErrNoSlot error = timeoutError("too many token requests for this app are waiting: no slot became free in time")

	// ErrNoToken: the exchange has not ended, perhaps because the store is slow.
	ErrNoToken error = timeoutError("no token was minted and stored in time")
)

type timeoutError string

func (e timeoutError) Error() string { return string(e) }

// Category implements Categorized.
func (timeoutError) Category() string { return "timed_out" }

// TooManyRotationsError refuses a rotation because RotatedAt would run ahead of
// the clock: it advances by a whole second with each token.
type TooManyRotationsError struct{ NextAttempt time.Time }

func (e *TooManyRotationsError) Error() string {
	return fmt.Sprintf("too many rotations in a row: the next is possible at %s", e.NextAttempt.UTC().Format(time.RFC3339))
}

// A RetryAfter error states how long the provider asks not to be called.
type RetryAfter interface{ RetryDelay() time.Duration }

// Failure says that minting fails: why, since when, and when the next attempt is
// due. Until then readers without a usable token get it at once.
type Failure struct { //nolint:errname // a state first, an error second
	Err         error
	Since       time.Time
	NextAttempt time.Time
	Attempts    int

	urgent time.Time // the next attempt if a reader comes who has no usable token
}

func (f *Failure) Error() string { return fmt.Sprintf("could not mint a token: %v", f.Err) }

// Unwrap returns the error of the exchange.
func (f *Failure) Unwrap() error { return f.Err }

// notInTime is the failure that a caller gets who has waited for the whole limit.
func notInTime(since, now time.Time) *Failure {
	return &Failure{Err: ErrNoToken, Since: since, NextAttempt: now.Add(minRetry), Attempts: 1}
}

// next is the failure after one more failed attempt. Delays double from 1 s to
// 30 s; the upper half of each is random, and a longer delay that the provider
// asks for wins.
func (f *Failure) next(err error, now time.Time, jitter Jitter) *Failure {
	n := &Failure{Err: err, Since: now, Attempts: 1}
	if f != nil {
		n.Since, n.Attempts = f.Since, f.Attempts+1
	}
	ceiling := min(minRetry<<min(n.Attempts, 5), maxRetry)
	delay := ceiling/2 + jitter(ceiling/2)
	urgent := min(delay, maxUrgentRetry)
	var asked RetryAfter
	if errors.As(err, &asked) {
		delay, urgent = max(delay, asked.RetryDelay()), max(urgent, asked.RetryDelay())
	}
	n.NextAttempt, n.urgent = now.Add(delay), now.Add(urgent)
	return n
}

// urgently is the failure as readers see it who have no usable token.
func (f *Failure) urgently() *Failure {
	if f == nil || f.urgent.Equal(f.NextAttempt) {
		return f
	}
	u := *f
	u.NextAttempt = f.urgent
	return &u
}
