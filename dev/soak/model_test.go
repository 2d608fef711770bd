package soak

import (
	"strings"
	"sync"
)

// grant is what a token must be for.
type grant struct{ client, scope string }

// role is a role as it was written.
type role struct{ app, scope string }

// model is what the operator has written, and so what a reader must get.
type model struct {
	mu     sync.RWMutex
	apps   map[string]grant
	roles  map[string]role
	writes map[string]int // by path: how many writes have begun and ended, so it is odd while one is under way
}

// reloadPath is where reloads count as writes: the engine answers nobody meanwhile.
const reloadPath = "sys/plugins/reload"

// change runs a write to a path and, if that succeeded, applies it to the model.
func (m *model) change(path string, write func() error, apply func()) error {
	m.mu.Lock()
	m.writes[path]++
	m.mu.Unlock()
	err := write()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes[path]++
	if err == nil {
		apply()
	}
	return err
}

// view is what a token path must give at a moment. Two views that are equal and settled saw no change between them.
type view struct {
	want              grant
	known             bool // false for a role that doesn't exist
	app, role, reload int  // writes
}

func (v view) settled() bool { return v.app%2 == 0 && v.role%2 == 0 }

// quiet says that no reload was under way either.
func (v view) quiet() bool { return v.settled() && v.reload%2 == 0 }

func (m *model) view(path string) view {
	m.mu.RLock()
	defer m.mu.RUnlock()
	name, named := strings.CutPrefix(path, "token/")
	r, known := m.roles[name]
	want := m.apps[r.app]
	if r.scope != "" {
		want.scope = r.scope
	}
	return view{
		want: want, known: known || !named,
		app: m.writes[configPath(r.app)], role: m.writes["role/"+name], reload: m.writes[reloadPath],
	}
}

func configPath(app string) string { return strings.TrimSuffix("config/"+app, "/") }
