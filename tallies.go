package itwin

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"vault-plugin-secrets-itwin/internal/tokens"
)

// tallies are a mount's counts since its process began. They outlive apps read
// anew, roles written anew and generations; the zero tallies are ready for use.
type tallies struct {
	mu    sync.Mutex
	apps  map[string]map[string]*tokens.Tally // by app and scopes
	roles map[string]*atomic.Int64            // tokens handed out, by role
}

// of returns what counts for the scopes of an app.
func (t *tallies) of(app string) func(scope string) *tokens.Tally {
	return func(scope string) *tokens.Tally {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.apps == nil {
			t.apps = make(map[string]map[string]*tokens.Tally)
		}
		if t.apps[app] == nil {
			t.apps[app] = make(map[string]*tokens.Tally)
		}
		if t.apps[app][scope] == nil {
			t.apps[app][scope] = new(tokens.Tally)
		}
		return t.apps[app][scope]
	}
}

// role returns what counts the reads of a role.
func (t *tallies) role(name string) *atomic.Int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.roles == nil {
		t.roles = make(map[string]*atomic.Int64)
	}
	if t.roles[name] == nil {
		t.roles[name] = new(atomic.Int64)
	}
	return t.roles[name]
}

// forgetApp and forgetRole drop the counts of what was deleted.
func (t *tallies) forgetApp(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.apps, name)
}

func (t *tallies) forgetRole(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.roles, name)
}

// counts are the sums over sets of scopes.
type counts struct {
	fresh, degraded, failed, coalesced, minted int64
	failures                                   map[string]int64
}

// names are the apps that anything was counted for.
func (t *tallies) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.apps))
}

// exchanges are all there were, whatever came of them.
func (c counts) exchanges() int64 {
	sum := c.minted
	for _, n := range c.failures {
		sum += n
	}
	return sum
}

// total sums what was counted for an app: for one set of scopes, or for all of
// them where scope is empty.
func (t *tallies) total(app, scope string) counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := counts{failures: make(map[string]int64)}
	for of, tally := range t.apps[app] {
		if scope != "" && of != scope {
			continue
		}
		sum.fresh += tally.Fresh.Load()
		sum.degraded += tally.Degraded.Load()
		sum.failed += tally.Failed.Load()
		sum.coalesced += tally.Coalesced.Load()
		sum.minted += tally.Minted.Load()
		for category, n := range tally.Failures() {
			sum.failures[category] += n
		}
	}
	return sum
}
