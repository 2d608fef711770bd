// Package keyed limits how much runs at a time under one key, such as a storage
// key or the name of an app. Two keys never wait for each other.
package keyed

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Limiter admits a fixed number of holders for each key. A limiter of one is a lock
// whose wait ends with the waiter's context. It keeps nothing for a key without
// holders.
type Limiter struct {
	most int64

	mu    sync.Mutex
	slots map[string]*slot
}

type slot struct {
	free  *semaphore.Weighted
	users int // holders and waiters
}

// New returns a limiter that admits most holders for each key.
func New(most int64) *Limiter {
	return &Limiter{most: most, slots: make(map[string]*slot)}
}

// Acquire waits until key has room, or returns the context's error. The holder
// calls release once.
func (l *Limiter) Acquire(ctx context.Context, key string) (release func(), err error) {
	s := l.enter(key)
	if err := s.free.Acquire(ctx, 1); err != nil {
		l.leave(key, s)
		return nil, err
	}
	return func() { s.free.Release(1); l.leave(key, s) }, nil
}

// TryAcquire is Acquire for those who don't wait; ok is false where key has no room.
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
		s = &slot{free: semaphore.NewWeighted(l.most)}
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
