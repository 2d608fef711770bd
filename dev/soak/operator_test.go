package soak

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// deed is something that the operator does.
type deed struct {
	name   string
	weight int
	do     func()
}

// meddle does something at random until the time is over, one thing after the other.
func (s *stand) meddle(until time.Time) {
	s.t.Helper()
	var hat []deed
	for _, d := range []deed{
		{"IMS failed", 6, s.breakIMS},
		{"IMS healed", 6, s.heal},
		{"config write", 6, s.rewriteApp},
		{"role write", 5, func() { s.writeRole(pick(churningRoles()), role{pick(apps()), pick(append(scopes(), ""))}) }},
		{"role delete", 3, func() { s.removeRole(pick(churningRoles())) }},
		{"answers too large", 1, s.swell},
		{"rotation", 2, func() { s.judge("a rotation", s.do(logical.UpdateOperation, "rotate/narrow", nil)) }},
		{"look at status and metrics", 2, s.look},
		{"reload", 1, func() { require.NoError(s.t, s.model.change(reloadPath, s.vault.reload, func() {})) }},
		{"check flood", 2, s.floodChecks},
		{"config writes that hang", 2, s.hangWrites},
		{"storage slowed", 1, s.slowStorage},
	} {
		hat = append(hat, slices.Repeat([]deed{d}, d.weight)...)
	}
	for time.Now().Before(until) {
		next := pick(hat)
		next.do()
		s.done[next.name]++
		time.Sleep(100*time.Millisecond + rand.N(500*time.Millisecond))
	}
}

func pick[T any](from []T) T { return from[rand.IntN(len(from))] }

func (s *stand) breakIMS() {
	s.t.Helper()
	if rand.IntN(8) == 0 {
		require.NoError(s.t, s.ims.Down())
		return
	}
	slow := emulator.Fault{Delay: 1200*time.Millisecond + rand.N(3800*time.Millisecond)}
	s.ims.Fault(pick([]emulator.Fault{
		{Status: http.StatusServiceUnavailable},
		{Status: http.StatusOK, Body: "{}"},
		{Error: "invalid_client"},
		{RetryAfter: time.Second},
		{DropConnection: true},
		{Delay: 700 * time.Millisecond},
		slow,
		slow,
		{Hang: true},
		{Every: 2, Status: http.StatusBadGateway},
	}))
}

func (s *stand) heal() {
	s.t.Helper()
	s.ims.Heal()
	require.NoError(s.t, s.ims.Up())
	if s.storage != nil {
		s.storage.delay.Store(0)
	}
}

// swell has IMS answer with 2 MiB, ten times.
func (s *stand) swell() {
	s.ims.Fault(emulator.Fault{Status: http.StatusOK, Body: strings.Repeat(" ", 2<<20)})
	for range 10 {
		s.judge("a rotation", s.do(logical.UpdateOperation, "rotate/narrow", nil))
	}
}

func (s *stand) slowStorage() {
	if s.storage != nil {
		s.storage.delay.Store(int64(1200*time.Millisecond + rand.N(2*time.Second)))
	}
}

// rewriteApp may be refused, by an IMS that fails: the config from before stands then.
func (s *stand) rewriteApp() {
	app := pick(apps())
	s.judge("a config write", s.writeApp(app, pick(clientsOf(app)), pick(scopes()[:2]), fields{
		"renew_before":   pick([]string{"2s", "4s", "30m"}),
		"persist_tokens": rand.IntN(3) > 0,
		"verify":         rand.IntN(3) > 0,
		// The first cuts a slow IMS off, the second waits for it.
		"request_timeout": pick([]string{"1s", "6s"}),
	}))
}

func (s *stand) writeApp(app, client, scope string, more fields) error {
	data := fields{
		"client_id": client, "client_secret": secret, "scopes": scope, "authority": s.ims.URL(), "api_url": s.ims.URL(),
		"request_timeout": "6s", "renew_before": "30m", "persist_tokens": true,
	}
	maps.Copy(data, more)
	return s.model.change(configPath(app),
		func() error { return s.do(logical.UpdateOperation, configPath(app), data) },
		func() { s.model.apps[app] = grant{client, scope} },
	)
}

func (s *stand) writeRole(name string, r role) {
	s.t.Helper()
	require.NoError(s.t, s.model.change("role/"+name,
		func() error {
			return s.do(logical.UpdateOperation, "role/"+name, fields{"app": r.app, "scopes": r.scope})
		},
		func() { s.model.roles[name] = r },
	))
}

func (s *stand) removeRole(name string) {
	s.t.Helper()
	require.NoError(s.t, s.model.change("role/"+name,
		func() error { return s.do(logical.DeleteOperation, "role/"+name, nil) },
		func() { delete(s.model.roles, name) },
	))
}

// look also asks for what Vault does once a minute, where there is no Vault.
func (s *stand) look() {
	s.t.Helper()
	if s.storage != nil {
		require.NoError(s.t, s.do(logical.RollbackOperation, "", nil))
	}
	require.NoError(s.t, s.do(logical.ReadOperation, "status", nil))
	require.NoError(s.t, s.do(logical.ReadOperation, "metrics", nil))
}

// floodChecks reads `check` on many connections at once, as monitoring gone wild does.
func (s *stand) floodChecks() {
	path := pick([]string{"check", "check/second"})
	until := time.Now().Add(2 * time.Second)
	for range 50 {
		s.background.Go(func() {
			for time.Now().Before(until) {
				s.judge(path, s.do(logical.ReadOperation, path, nil))
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
}

// hangWrites writes configs that IMS never verifies: it is silent, and the secret is wrong. They change nothing.
func (s *stand) hangWrites() {
	path := configPath(pick(apps()))
	s.ims.Fault(emulator.Fault{Hang: true})
	for range 5 {
		s.background.Go(func() {
			err := s.do(logical.UpdateOperation, path, fields{"client_secret": "wrong"})
			if err == nil {
				s.report("%s: a wrong secret was stored", path)
			}
			s.judge(path, err)
		})
	}
}

// judge reports an error that isn't IMS's fault, by its status.
func (s *stand) judge(what string, err error) {
	if err == nil {
		return
	}
	excusable := []int{http.StatusBadRequest, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout}
	if coded, ok := errors.AsType[logical.HTTPCodedError](err); !ok || !slices.Contains(excusable, coded.Code()) {
		s.report("%s: %v", what, err)
	}
}
