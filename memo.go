package itwin

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// readTime bounds what readers who come together wait for.
const readTime = 10 * time.Second

// memo keeps in memory what was read from storage under a name, until it is
// written or invalidated. No lock is held while storage is read.
type memo[T any] struct {
	reads singleflight.Group

	mu      sync.RWMutex
	changes uint64 // counts writes and invalidations
	values  map[string]T
}

func newMemo[T any]() *memo[T] {
	return &memo[T]{values: make(map[string]T)}
}

func (m *memo[T]) peek(name string) (T, bool) {
	v, _, ok := m.look(name)
	return v, ok
}

// look is peek with the number of changes so far.
func (m *memo[T]) look(name string) (v T, changes uint64, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok = m.values[name]
	return v, m.changes, ok
}

// get returns the value, read by read where it isn't in memory. Readers who come
// together share one read, which outlives the reader that began it; whoever comes
// after a change shares none that began before it. drop is told of a value that was
// outdated before it could be kept.
func (m *memo[T]) get(ctx context.Context, name string, read func(context.Context) (T, error), drop func(T)) (T, error) {
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

func (m *memo[T]) fill(ctx context.Context, name string, read func(context.Context) (T, error), drop func(T)) (T, error) {
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
func (m *memo[T]) keep(name string, v T, seen uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes != seen {
		return false
	}
	m.values[name] = v
	return true
}

// swap stores what was written and returns what was in memory.
func (m *memo[T]) swap(name string, v T) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	before, ok := m.values[name]
	m.values[name] = v
	return before, ok
}

// forget drops the value and returns it.
func (m *memo[T]) forget(name string) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	v, ok := m.values[name]
	delete(m.values, name)
	return v, ok
}

// forgetIf drops the value if outdated says so of it.
func (m *memo[T]) forgetIf(name string, outdated func(T) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.values[name]; ok && outdated(v) {
		m.changes++
		delete(m.values, name)
	}
}

func (m *memo[T]) all() map[string]T {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.values)
}
