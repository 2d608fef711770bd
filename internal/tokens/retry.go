package tokens

import (
	"errors"
	"fmt"
	"time"
)

const (
	minRetry = time.Second
	maxRetry = 30 * time.Second

	// rememberFailure is how long after the next attempt was due a failure still
	// counts: a reader who comes rarely doesn't start the backoff anew.
	rememberFailure = 10 * time.Minute
)

// ErrSuperseded says that the app's identity or secret has changed: the caller
// looks the app up again.
var ErrSuperseded = errors.New("the app's credentials were replaced while the token was being minted")

// ErrLateArrival is a grant that was over before it arrived.
var ErrLateArrival = errors.New("the token had expired before it arrived")

// A RetryAfter error states how long the provider asks not to be called.
type RetryAfter interface{ RetryDelay() time.Duration }

// Failure says that minting fails: why, since when, and when the next attempt is
// due. Until then readers without a token get it at once.
type Failure struct { //nolint:errname // a state that readers are told of first, an error second
	Err         error
	Since       time.Time
	NextAttempt time.Time
	Attempts    int
}

func (f *Failure) Error() string { return fmt.Sprintf("minting a token: %v", f.Err) }

// Unwrap returns what minting answered.
func (f *Failure) Unwrap() error { return f.Err }

// next is the failure after one more failed attempt. Delays double from 1 s to
// 30 s; the upper half of each is random, and the provider's own wish wins over a
// shorter one.
func (f *Failure) next(err error, now time.Time, jitter Jitter) *Failure {
	n := &Failure{Err: err, Since: now, Attempts: 1}
	if f != nil {
		n.Since, n.Attempts = f.Since, f.Attempts+1
	}
	ceiling := maxRetry
	if n.Attempts < 5 {
		ceiling = minRetry << n.Attempts
	}
	delay := ceiling/2 + jitter(ceiling/2)
	var asked RetryAfter
	if errors.As(err, &asked) {
		delay = max(delay, asked.RetryDelay())
	}
	n.NextAttempt = now.Add(delay)
	return n
}

// MinLifeError says that no token can have the life that a reader asked for.
type MinLifeError struct {
	Asked    time.Duration
	Max      time.Duration
	Lifetime time.Duration
}

func (e *MinLifeError) Error() string {
	return fmt.Sprintf("%s asked for, at most %s can be had of a token that lives %s", e.Asked, e.Max, e.Lifetime)
}

// checkMinLife refuses a wish for more than 90 % of a lifetime: it would mint a
// token for nearly every read.
func (t *Token) checkMinLife(minLife time.Duration) error {
	if most := t.Lifetime / 10 * 9; minLife > most {
		return &MinLifeError{Asked: minLife, Max: most, Lifetime: t.Lifetime}
	}
	return nil
}
