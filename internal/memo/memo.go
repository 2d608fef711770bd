// Package memo caches values that are slow to read, until they are rewritten or
// invalidated.
package memo

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// readTime limits a shared read, so that later callers retry if the source hangs.
const readTime = 10 * time.Second

// Memo caches values by name. It holds no lock while it reads a value. All methods are
// safe for concurrent use.
type Memo[T any] struct {
	reads singleflight.Group

	mu      sync.RWMutex
	changes uint64 // counts writes and invalidations
	values  map[string]T
}

// New returns an empty memo.
func New[T any]() *Memo[T] {
	return &Memo[T]{values: make(map[string]T)}
}

// Peek returns the cached value, if any, without reading it from the source.
func (m *Memo[T]) Peek(name string) (T, bool) {
	v, _, ok := m.look(name)
	return v, ok
}

// look is Peek, and also returns the number of changes so far.
func (m *Memo[T]) look(name string) (v T, changes uint64, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok = m.values[name]
	return v, m.changes, ok
}

// Get returns the cached value, or else caches and returns what read returns. Concurrent
// callers share one read, which continues for up to 10 s even if the caller that started
// it gives up. A caller never shares a read that started before the latest change. drop
// is called with each value that a change made stale before it could be cached. Errors
// come from read or the context, and are not cached.
func (m *Memo[T]) Get(ctx context.Context, name string, read func(context.Context) (T, error), drop func(T)) (T, error) {
	v, changes, ok := m.look(name)
	if ok {
		return v, nil
	}
	done := m.reads.DoChan(fmt.Sprint(changes, " ", name), func() (any, error) {
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTime)
		defer cancel()
		return m.fill(detached, name, read, drop)
	})
	var none T
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case r := <-done:
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(T), nil //nolint:forcetypeassert // fill returns nothing else
	}
}

func (m *Memo[T]) fill(ctx context.Context, name string, read func(context.Context) (T, error), drop func(T)) (T, error) {
	for {
		v, seen, ok := m.look(name)
		if ok {
			return v, nil
		}
		v, err := read(ctx)
		if err != nil {
			return v, err
		}
		if m.keep(name, v, seen) {
			return v, nil
		}
		drop(v)
	}
}

// keep caches a value, unless anything has changed since seen was counted.
func (m *Memo[T]) keep(name string, v T, seen uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes != seen {
		return false
	}
	m.values[name] = v
	return true
}

// Swap caches v and returns the value it replaces.
func (m *Memo[T]) Swap(name string, v T) (before T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	before, ok = m.values[name]
	m.values[name] = v
	return before, ok
}

// Forget removes the cached value and returns it.
func (m *Memo[T]) Forget(name string) (T, bool) {
	return m.ForgetIf(name, func(T) bool { return true })
}

// ForgetIf removes the cached value and returns it, if stale returns true for it.
func (m *Memo[T]) ForgetIf(name string, stale func(T) bool) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[name]
	if ok && !stale(v) {
		var none T
		return none, false
	}
	m.changes++ // even if there is no value: one may be being read
	delete(m.values, name)
	return v, ok
}

// All returns a copy of all cached values.
func (m *Memo[T]) All() map[string]T {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.values)
}
