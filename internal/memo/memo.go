// Package memo keeps values in memory that were read from somewhere slow, until
// they are written again or invalidated. It knows nothing of what it keeps.
package memo

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// readTime bounds a shared read, so that a source that hangs is asked again.
const readTime = 10 * time.Second

// Memo holds values by name. No lock is held while a value is read. All methods
// may be called at the same time.
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

// Peek returns the value in memory. It reads nothing.
func (m *Memo[T]) Peek(name string) (T, bool) {
	v, _, ok := m.look(name)
	return v, ok
}

// look is Peek with the number of changes so far.
func (m *Memo[T]) look(name string) (v T, changes uint64, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok = m.values[name]
	return v, m.changes, ok
}

// Get returns the value in memory, or else what read returns. Callers that come
// together share one read; it continues for 10 s at most when the caller that
// began it leaves. A caller that comes after a change shares no read from before
// it. drop gets each value that a change made stale before it could be kept.
// Errors are read's or the context's, and are not kept.
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

// keep stores what was read, unless anything changed since the count was seen.
func (m *Memo[T]) keep(name string, v T, seen uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes != seen {
		return false
	}
	m.values[name] = v
	return true
}

// Swap puts v in memory and returns the value it replaces.
func (m *Memo[T]) Swap(name string, v T) (before T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	before, ok = m.values[name]
	m.values[name] = v
	return before, ok
}

// Forget drops the value from memory and returns it.
func (m *Memo[T]) Forget(name string) (T, bool) {
	return m.ForgetIf(name, func(T) bool { return true })
}

// ForgetIf drops the value from memory, and returns it, if stale reports true for it.
func (m *Memo[T]) ForgetIf(name string, stale func(T) bool) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[name]
	if ok && !stale(v) {
		var none T
		return none, false
	}
	m.changes++ // also where there is no value: one may be on its way
	delete(m.values, name)
	return v, ok
}

// All returns a copy of what is in memory.
func (m *Memo[T]) All() map[string]T {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.values)
}
