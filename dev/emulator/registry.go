package emulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"slices"
	"sync"
	"time"
)

// emailDomain is where Bentley gives each service app the address by which it is invited to an iTwin.
const emailDomain = "apps.imsoidc.bentley.com"

// App is a service app as its developer registered it.
type App struct {
	ClientID     string
	ClientSecret string
	// Scopes are what the app may ask for.
	Scopes []string
	// ITwins are the iTwins the app is a member of, by id, with its permissions there.
	ITwins map[string][]string
}

// Email is the address by which the app is invited to an iTwin.
func (a App) Email() string { return a.ClientID + "@" + emailDomain }

// secretMatches compares digests, as a comparison of the secrets themselves takes a time that tells their length.
func (a App) secretMatches(secret string) bool {
	want, got := sha256.Sum256([]byte(a.ClientSecret)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

func (a App) clone() App {
	a.Scopes = slices.Clone(a.Scopes)
	a.ITwins = maps.Clone(a.ITwins)
	for id, permissions := range a.ITwins {
		a.ITwins[id] = slices.Clone(permissions)
	}
	return a
}

// registry holds what can be changed of IMS while it runs: its apps and the lifetime of tokens.
type registry struct {
	mu       sync.RWMutex
	apps     map[string]App
	lifetime time.Duration
}

func newRegistry(lifetime time.Duration, apps []App) *registry {
	r := &registry{apps: make(map[string]App), lifetime: lifetime}
	for _, app := range apps {
		r.set(app)
	}
	return r
}

func (r *registry) set(app App) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apps[app.ClientID] = app.clone()
}

func (r *registry) remove(clientID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.apps, clientID)
}

// find returns an app whose slices and map are never written again, so that callers may read them without a lock.
func (r *registry) find(clientID string) (App, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	app, ok := r.apps[clientID]
	return app, ok
}

// scopes are those of all apps, in order.
func (r *registry) scopes() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []string
	for _, app := range r.apps {
		all = append(all, app.Scopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *registry) setLifetime(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lifetime = d
}

func (r *registry) tokenLifetime() time.Duration {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.lifetime.Truncate(time.Second)
}
