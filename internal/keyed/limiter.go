// Package keyed limits how many operations run at a time for one key, such as a storage
// key or an app's name. Operations with different keys never wait for each other.
package keyed

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Limiter admits a fixed number of holders per key. With a limit of one it is a lock
// whose wait ends with the waiter's context. It keeps no state for keys without holders
// or waiters.
type Limiter struct {
	limit int64

	mu    sync.Mutex
	slots map[string]*slot
}

type slot struct {
	free  *semaphore.Weighted
	users int // holders and waiters
}

// New returns a limiter that admits up to limit holders per key.
func New(limit int64) *Limiter {
	return &Limiter{limit: limit, slots: make(map[string]*slot)}
}

// Acquire waits for a slot for key, or returns the context's error. The holder must call
// release exactly once.
func (l *Limiter) Acquire(ctx context.Context, key string) (release func(), err error) {
	s := l.enter(key)
	if err := s.free.Acquire(ctx, 1); err != nil {
		l.leave(key, s)
		return nil, err
	}
	return func() { s.free.Release(1); l.leave(key, s) }, nil
}

// TryAcquire is Acquire without waiting; ok is false if key has no free slot.
func (l *Limiter) TryAcquire(key string) (release func(), ok bool) {
	s := l.enter(key)
	if !s.free.TryAcquire(1) {
		l.leave(key, s)
		return nil, false
	}
	return func() { s.free.Release(1); l.leave(key, s) }, true
}

func (l *Limiter) enter(key string) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.slots[key]
	if s == nil {
		s = &slot{free: semaphore.NewWeighted(l.limit)}
		l.slots[key] = s
	}
	s.users++
	return s
}

func (l *Limiter) leave(key string, s *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.users--
	if s.users == 0 {
		delete(l.slots, key)
	}
}
