package soak

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// operator breaks IMS, rewrites configs and roles and reloads the plugin, one thing after the other.
type operator struct {
	t     *testing.T
	vault vault
	ims   *emulator.Emulator
	model *model
	done  map[string]int // how often each thing was done

	storage *slowStorage // nil where the storage is Vault's own
	// background is what goes on while other things are done, and wrong what it found.
	background sync.WaitGroup
	wrong      chan error
}

// begin writes what is there at the beginning and at the end: both apps and the roles that stay.
func (o *operator) begin() {
	o.t.Helper()
	o.background.Wait()
	o.heal()
	for _, name := range churned("") {
		o.removeRole(name)
	}
	for _, app := range []string{"", "second"} {
		// Another identity first: the last write then begins a generation, and with it an empty shelf of tokens.
		for _, client := range []int{1, 0} {
			require.NoError(o.t, o.writeApp(app, clientsOf(app)[client], scopes()[0], nil))
		}
	}
	for name, r := range map[string]role{"default": {}, "second": {app: "second"}, "narrow": {scope: scopes()[1]}} {
		o.writeRole(name, r)
	}
	for i, set := range combinations() {
		o.writeRole(combined(i), role{scope: set})
	}
}

// meddle does something at random until the time is over.
func (o *operator) meddle(until time.Time) {
	o.t.Helper()
	deeds := []struct {
		name   string
		weight int
		do     func()
	}{
		{"IMS failed", 6, o.breakIMS},
		{"IMS healed", 6, o.heal},
		{"config write", 6, o.rewriteApp},
		{"role write", 5, func() { o.writeRole(churned("")[rand.IntN(4)], anyRole()) }},
		{"role delete", 3, func() { o.removeRole(churned("")[rand.IntN(4)]) }},
		{"rotation", 2, func() { o.excuse(o.vault.write("rotate/narrow", nil)) }},
		{"look at status and metrics", 2, o.look},
		{"reload", 1, func() { require.NoError(o.t, o.model.reload(o.vault.reload)) }},
		{"check flood", 2, o.floodChecks},
		{"config writes that hang", 2, o.hangWrites},
		{"storage slowed", 1, o.slowStorage},
	}
	weights := 0
	for _, deed := range deeds {
		weights += deed.weight
	}
	for time.Now().Before(until) {
		for at, left := 0, rand.IntN(weights); ; at++ {
			if left -= deeds[at].weight; left < 0 {
				deeds[at].do()
				o.done[deeds[at].name]++
				break
			}
		}
		time.Sleep(100*time.Millisecond + rand.N(500*time.Millisecond))
	}
}

func anyRole() role {
	r := role{app: []string{"", "second"}[rand.IntN(2)]}
	if rand.IntN(2) == 0 {
		r.scope = scopes()[rand.IntN(len(scopes()))]
	}
	return r
}

func (o *operator) breakIMS() {
	o.t.Helper()
	if rand.IntN(8) == 0 {
		require.NoError(o.t, o.ims.Down())
		return
	}
	faults := []emulator.Fault{
		{Status: http.StatusServiceUnavailable},
		{Status: http.StatusOK, Body: "{}"},
		{Error: "invalid_client"},
		{RetryAfter: time.Second},
		{DropConnection: true},
		{Delay: 700 * time.Millisecond},
		{Delay: 1200*time.Millisecond + rand.N(3800*time.Millisecond)},
		{Delay: 1200*time.Millisecond + rand.N(3800*time.Millisecond)},
		{Hang: true},
		{Every: 2, Status: http.StatusBadGateway},
	}
	o.ims.Fault(faults[rand.IntN(len(faults))])
}

func (o *operator) heal() {
	o.t.Helper()
	o.ims.Heal()
	require.NoError(o.t, o.ims.Up())
	if o.storage != nil {
		o.storage.delay.Store(0)
	}
}

// rewriteApp may be refused, by an IMS that fails: the config from before stands then.
func (o *operator) rewriteApp() {
	o.t.Helper()
	app := []string{"", "second"}[rand.IntN(2)]
	o.excuse(o.writeApp(app, clientsOf(app)[rand.IntN(2)], scopes()[rand.IntN(2)], fields{
		"renew_before":   []string{"2s", "4s", "30m"}[rand.IntN(3)],
		"persist_tokens": rand.IntN(3) > 0,
		"verify":         rand.IntN(3) > 0,
		// The first cuts a slow IMS off, the second waits for it.
		"request_timeout": []string{"1s", "6s"}[rand.IntN(2)],
	}))
}

func (o *operator) writeApp(app, client, scope string, more fields) error {
	data := fields{
		"client_id": client, "client_secret": secret, "scopes": scope, "authority": o.ims.URL(), "api_url": o.ims.URL(),
		"request_timeout": "6s", "renew_before": "30m", "persist_tokens": true,
	}
	maps.Copy(data, more)
	path := configPath(app)
	return o.model.change(path, func() error { return o.vault.write(path, data) }, func() { o.model.apps[app] = grant{client, scope} })
}

func (o *operator) writeRole(name string, r role) {
	o.t.Helper()
	require.NoError(o.t, o.model.change("role/"+name,
		func() error { return o.vault.write("role/"+name, fields{"app": r.app, "scopes": r.scope}) },
		func() { o.model.roles[name] = r },
	))
}

func (o *operator) removeRole(name string) {
	o.t.Helper()
	require.NoError(o.t, o.model.change("role/"+name,
		func() error { return o.vault.remove("role/" + name) },
		func() { delete(o.model.roles, name) },
	))
}

func (o *operator) look() {
	o.t.Helper()
	require.NoError(o.t, o.vault.read("status"))
	require.NoError(o.t, o.vault.read("metrics"))
}

func (o *operator) excuse(err error) {
	o.t.Helper()
	if err != nil && !excusable(err) {
		require.NoError(o.t, fmt.Errorf("meddling: %w", err))
	}
}
