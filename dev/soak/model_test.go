package soak

import (
	"strings"
	"sync"
)

// grant is what a token must be for.
type grant struct{ client, scope string }

// role is a role as it was written.
type role struct{ app, scope string }

// model is what the operator has written, and so what a reader must get. It is unsettled while a write is under way.
type model struct {
	mu        sync.RWMutex
	version   int
	unsettled bool
	apps      map[string]grant
	roles     map[string]role
}

func newModel() *model { return &model{apps: make(map[string]grant), roles: make(map[string]role)} }

// change runs a write and, if that succeeded, applies it to the model.
func (m *model) change(write func() error, apply func()) error {
	m.mu.Lock()
	m.version++
	m.unsettled = true
	m.mu.Unlock()
	err := write()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	m.unsettled = false
	if err == nil {
		apply()
	}
	return err
}

// expected is what a token path must give; known is false for a role that doesn't exist. Two calls with the same
// version, settled both, saw no change in between.
func (m *model) expected(path string) (want grant, known bool, version int, settled bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	name, named := strings.CutPrefix(path, "token/")
	r, known := m.roles[name]
	if !named {
		r, known = role{}, true
	}
	want = m.apps[r.app]
	if r.scope != "" {
		want.scope = r.scope
	}
	return want, known, m.version, !m.unsettled
}
