package soak

import (
	"strings"
	"sync"
)

// grant is what a token must be for.
type grant struct{ client, scope string }

// role is a role as it was written.
type role struct{ app, scope string }

// change counts the writes to an app or a role, and those that are under way.
type change struct{ writes, underWay int }

// model is what the operator has written, and so what a reader must get.
type model struct {
	mu      sync.RWMutex
	apps    map[string]grant
	roles   map[string]role
	changes map[string]change // by the path that is written
}

func newModel() *model {
	return &model{apps: make(map[string]grant), roles: make(map[string]role), changes: make(map[string]change)}
}

// change runs a write to a path and, if that succeeded, applies it to the model.
func (m *model) change(path string, write func() error, apply func()) error {
	m.count(path, 1)
	err := write()
	m.mu.Lock()
	if err == nil {
		apply()
	}
	m.mu.Unlock()
	m.count(path, -1)
	return err
}

func (m *model) count(path string, underWay int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.changes[path]
	m.changes[path] = change{c.writes + 1, c.underWay + underWay}
}

// reload runs one, during which the engine answers nobody.
func (m *model) reload(run func() error) error {
	return m.change(reloadPath, run, func() {})
}

const reloadPath = "sys/plugins/reload"

// view is what a token path must give at a moment. Two views that are equal and settled saw no change between them.
type view struct {
	want              grant
	known             bool // false for a role that doesn't exist
	app, role, reload change
}

func (v view) settled() bool { return v.app.underWay == 0 && v.role.underWay == 0 }

// quiet says that no reload was under way either.
func (v view) quiet() bool { return v.settled() && v.reload.underWay == 0 }

func (m *model) view(path string) view {
	m.mu.RLock()
	defer m.mu.RUnlock()
	name, named := strings.CutPrefix(path, "token/")
	r, known := m.roles[name]
	if !named {
		r, known = role{}, true
	}
	want := m.apps[r.app]
	if r.scope != "" {
		want.scope = r.scope
	}
	return view{
		want: want, known: known,
		app: m.changes[configPath(r.app)], role: m.changes["role/"+name], reload: m.changes[reloadPath],
	}
}

func configPath(app string) string {
	if app == "" {
		return "config"
	}
	return "config/" + app
}
