// Package soak runs many readers, a faulty IMS and a restless operator against the engine for SOAK_TIME, checks
// every answer, and compares what the engine holds at the end with what it held at the beginning. No read that a token
// at hand could serve may fail or take longer than 1.5 s. `make soak` runs it.
//
// It does so twice. Within the test's process, where memory and goroutines can be counted and outlive reloads; and in a
// real Vault, where a reload ends the plugin's process, and where storage, sockets and the protocol between Vault and
// the plugin are the real ones.
package soak

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	secret   = "soak+secret/=="
	lifetime = 10 * time.Second
	readers  = 64
)

// stand is everything that takes part.
type stand struct {
	t       *testing.T
	vault   vault
	storage *slowStorage // nil where the storage is Vault's own
	ims     *emulator.Emulator
	model   *model

	done       map[string]int // how often the operator did each thing
	background sync.WaitGroup // what the operator does meanwhile

	latest sync.Map // each token path, to the holding that its last reader got
	// How many reads: with a token, with an error, while nothing was written, while a usable token was at hand.
	served, refused, strict, patient atomic.Int64

	mu     sync.Mutex
	issued map[string]emulator.Issued // the tokens seen, by digest
	wrong  []string
}

func newStand(t *testing.T, v vault) *stand {
	t.Helper()
	// The emulator's OIDC library logs each route and each refused request.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	options := emulator.Options{Lifetime: lifetime}
	for _, id := range slices.Concat(clientsOf(""), clientsOf("second")) {
		options.Apps = append(options.Apps, emulator.App{ClientID: id, ClientSecret: secret, Scopes: scopes()})
	}
	ims, err := emulator.Start(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ims.Close()) })
	return &stand{
		t: t, vault: v, ims: ims, done: make(map[string]int), issued: make(map[string]emulator.Issued),
		model: &model{apps: make(map[string]grant), roles: make(map[string]role), writes: make(map[string]int)},
	}
}

// apps are the names of the engine's apps: the default app has none.
func apps() []string { return []string{"", "second"} }

// clientsOf are the apps of IMS that an app of the engine may be.
func clientsOf(app string) []string {
	if app == "" {
		return []string{"service-a", "service-b"}
	}
	return []string{"service-c", "service-d"}
}

// scopes are in the order in which IMS and the engine write them.
func scopes() []string {
	all := make([]string, 15)
	for i := range all {
		all[i] = fmt.Sprintf("scope-%02d:read", i)
	}
	return all
}

// lastingRoles stay as they are. They have more sets of scopes than an app has exchanges at a time.
func lastingRoles() map[string]role {
	roles := map[string]role{"default": {}, "second": {app: "second"}, "narrow": {scope: scopes()[1]}}
	for i := range scopes() {
		roles[fmt.Sprint("set-", i)] = role{scope: strings.Join(scopes()[:i+1], " ")}
	}
	return roles
}

// churningRoles are written and deleted.
func churningRoles() []string { return []string{"churn-0", "churn-1", "churn-2", "churn-3"} }

// soak meddles while everyone reads, and requires that no answer was wrong. Without SOAK_TIME, there is time for two
// rotations alone.
func (s *stand) soak(pause time.Duration) {
	s.t.Helper()
	long := lifetime
	if text := os.Getenv("SOAK_TIME"); text != "" {
		var err error
		long, err = time.ParseDuration(text)
		require.NoError(s.t, err, "SOAK_TIME")
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var all sync.WaitGroup
	for range readers {
		all.Go(func() { s.readOn(ctx, pause) })
	}
	s.swell()
	s.meddle(time.Now().Add(long))
	cancel()
	all.Wait()
	s.background.Wait()
	s.t.Logf("%s: %d reads got a token, %d an error; %d while nothing was written, %d with a usable token; %d exchanges; %v",
		long, s.served.Load(), s.refused.Load(), s.strict.Load(), s.patient.Load(), s.ims.Exchanges(), s.done)
	require.Empty(s.t, s.wrong)
	require.Positive(s.t, s.served.Load())
	require.Positive(s.t, s.strict.Load())
	require.Positive(s.t, s.patient.Load())
}

// settle restores what there was at the beginning: the same apps, roles and tokens.
func (s *stand) settle() {
	s.t.Helper()
	s.heal()
	for _, name := range churningRoles() {
		s.removeRole(name)
	}
	for _, app := range apps() {
		// Another identity first: the last write then begins a generation, and with it an empty shelf of tokens.
		for _, client := range []int{1, 0} {
			require.NoError(s.t, s.writeApp(app, clientsOf(app)[client], scopes()[0], nil))
		}
	}
	for name, r := range lastingRoles() {
		s.writeRole(name, r)
		require.NoError(s.t, s.do(logical.ReadOperation, "token/"+name, nil), name)
	}
	require.NoError(s.t, s.do(logical.ReadOperation, "token", nil))
}

// report keeps the first few mistakes: one cause has many effects.
func (s *stand) report(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wrong) < 20 {
		s.wrong = append(s.wrong, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}
