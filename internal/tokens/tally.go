package tokens

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Tally counts what happened to the tokens for one set of scopes. It is handed to
// pools and outlives them, so that the count continues from one generation to the
// next. The zero Tally is ready for use, also concurrently.
type Tally struct {
	Fresh     atomic.Int64 // reads answered in normal running
	Degraded  atomic.Int64 // reads answered with the previous token
	Failed    atomic.Int64 // reads answered with an error
	Coalesced atomic.Int64 // reads that joined an exchange under way
	Minted    atomic.Int64 // exchanges that returned a new token
	Repeated  atomic.Int64 // exchanges that returned the token held already

	mu       sync.Mutex
	failures map[string]int64 // exchanges that failed, by category
	last     *Failure
	lastAt   time.Time
}

// Categorized is an error that names its kind.
type Categorized interface{ Category() string }

// Category is the kind that err, or what it wraps, names, or else "other".
func Category(err error) string {
	var known Categorized
	if errors.As(err, &known) {
		return known.Category()
	}
	return "other"
}

func (t *Tally) fail(f *Failure, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failures == nil {
		t.failures = make(map[string]int64)
	}
	t.failures[Category(f)]++
	t.last, t.lastAt = f, at
}

// Failures returns the number of failed exchanges by category.
func (t *Tally) Failures() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.failures)
}

// LastFailure returns why and when an exchange failed last, nil if none has. It
// stays after minting has recovered.
func (t *Tally) LastFailure() (*Failure, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last, t.lastAt
}
