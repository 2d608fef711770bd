package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// What a valid token in memory costs its readers, whatever happens around them. Tokens of 16 s rotate after 8 s, are
// renewed from 2 s before that on, and are handed out until 1.6 s before they expire.
const (
	briefLife = 16 * time.Second
	rotation  = briefLife / 2
	reserve   = briefLife / 10
)

func TestChecksThatFloodAnAppSlowNoReader(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	e.configureBrief(nil)
	e.ims.Fault(emulator.Fault{Delay: 2 * time.Second})
	checker := e.server.User(t, "checker", `path "itwin/check" { capabilities = ["read"] }`)
	flood := startChecks(t, checker, 100)
	load := startLoad(t, "itwin/token", 20*time.Millisecond, clientsOf(t, e.server, 8)...)
	time.Sleep(briefLife)

	readings := load.stop()
	requireNoWait(t, readings, true)
	require.Greater(t, len(tokensIn(readings)), 1, "the token rotated under the flood")
	answers := flood.stop()
	require.Positive(t, answers[http.StatusTooManyRequests], "answers to checks: %v", answers)
	require.Positive(t, answers[http.StatusOK], "answers to checks: %v", answers)
	require.Len(t, answers, 2, "answers to checks: %v", answers)
}

func TestASilentIMSHoldsUpNoReaderOfAnyScopes(t *testing.T) {
	t.Parallel()
	const sets = 61
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	many := emulator.App{ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"itwin-platform"}}
	for i := range sets {
		many.Scopes = append(many.Scopes, fmt.Sprintf("scope-%d", i))
	}
	e.ims.SetApp(many)
	e.configureBrief(nil)
	loads := make([]*load, sets)
	for i := range loads {
		role := fmt.Sprintf("role-%d", i)
		e.mustWrite("itwin/role/"+role, fields{"scopes": fmt.Sprintf("scope-%d", i)})
		e.mustToken("itwin/token/" + role)
		loads[i] = startLoad(t, "itwin/token/"+role, 250*time.Millisecond, e.server.Root(t))
	}
	e.ims.Fault(emulator.Fault{Hang: true})
	// Until the first of them is near its end: from then on readers may wait.
	time.Sleep(rotation + 3*time.Second)

	var all sync.WaitGroup
	for _, load := range loads {
		all.Go(func() { load.stop() })
	}
	all.Wait()
	for _, load := range loads {
		requireNoWait(t, load.readings(), false)
	}
}

func TestDeleteWaitsForNoConfigWriteAndNoIMS(t *testing.T) {
	t.Parallel()
	const writers = 10
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	e.configure(fields{"request_timeout": "3s"})
	e.ims.Fault(emulator.Fault{Hang: true})
	before := e.ims.Exchanges()
	refused := make(chan error, writers)
	for range writers {
		writer := e.server.Root(t)
		go func() {
			_, err := writer.Logical().Write("itwin/config", fields{"client_secret": clientSecret + "-next"})
			refused <- err
		}()
	}
	e.waitExchanges(before + 1)

	began := time.Now()
	e.mustDelete("itwin/config")
	require.Less(t, time.Since(began), time.Second)
	_, err := e.root.Logical().Read("itwin/token")
	requireStatus(t, err, http.StatusBadRequest)
	busy := 0
	for range writers {
		var answer *api.ResponseError
		require.ErrorAs(t, <-refused, &answer, "no writer was told that its secret is stored")
		if answer.StatusCode == http.StatusTooManyRequests {
			busy++
		}
	}
	require.Positive(t, busy, "writers beyond the slots for verifying don't queue")
	e.mustMiss("itwin/config")
}

func TestAReaderWaitsOneGraceForAnIMSThatIsSlowAndLaterReadersNone(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	// Nobody has read the token of this mount, so that no renewal comes ahead of its rotation.
	unread := mountAnother(t, e)
	e.ims.SetLifetime(briefLife)
	e.mustWrite(unread+"/config", app(e.ims, nil))
	verified := time.Now()
	e.configureBrief(nil)
	e.ims.Fault(emulator.Fault{Delay: 4 * time.Second})
	load := startLoad(t, "itwin/token", 20*time.Millisecond, clientsOf(t, e.server, 4)...)

	time.Sleep(time.Until(verified.Add(rotation + 500*time.Millisecond)))
	first := e.read(unread + "/token")
	require.NoError(t, first.err)
	require.Greater(t, first.took(), 700*time.Millisecond, "the first reader after the rotation gives IMS a grace")
	require.Less(t, first.took(), slowest)
	second := e.read(unread + "/token")
	require.NoError(t, second.err)
	require.Less(t, second.took(), 500*time.Millisecond, "the grace has passed already")
	for _, r := range []reading{first, second} {
		require.NotEmpty(t, r.token.warnings, "which says what is going on")
		require.Equal(t, first.token.ID, r.token.ID)
		require.Equal(t, first.token.Rotated, r.token.Rotated)
		require.True(t, 1 <= r.token.TTL && r.token.TTL <= 30, "a ttl of %d", r.token.TTL)
	}
	vaulttest.Wait(t, 10*time.Second, "the exchange that went on", func() error {
		if r := e.read(unread + "/token"); r.err != nil || r.token.ID == first.token.ID || len(r.token.warnings) > 0 {
			return errors.Join(errNotYet, r.err)
		}
		return nil
	})

	readings := load.stop()
	requireNoWait(t, readings, true)
	require.Greater(t, len(tokensIn(readings)), 1, "the renewal ahead of the rotation went on as well")
	require.True(t, slices.ContainsFunc(readings, func(r reading) bool { return len(r.token.warnings) > 0 }),
		"between the rotation and IMS's answer, readers are warned")
}

// configureBrief writes the default app's config, with tokens of briefLife.
func (e *env) configureBrief(more fields) {
	e.t.Helper()
	e.ims.SetLifetime(briefLife)
	e.configure(more)
}

// read makes one read as root.
func (e *env) read(path string) reading {
	l := &load{}
	l.read(e.root, path)
	return l.done[0]
}

func (e *env) waitExchanges(count int) {
	e.t.Helper()
	awaitExchanges(e.t, e.ims, count)
}

// requireNoWait checks each read that a token could have served which an earlier read had got: it may neither fail nor
// take longer than the grace and what a busy machine adds.
func requireNoWait(t *testing.T, readings []reading, served bool) {
	t.Helper()
	slices.SortFunc(readings, func(a, b reading) int { return a.end.Compare(b.end) })
	judged := 0
	for _, r := range readings {
		if !usableAt(readings, r.start.Add(slowest), r.start) {
			require.Falsef(t, served && r.err != nil, "a read failed: %v", r.err)
			continue
		}
		judged++
		require.NoErrorf(t, r.err, "a read failed %s after it began, though there was a token", r.took())
		require.Lessf(t, r.took(), slowest, "a read waited, though there was a token; warnings: %v", r.token.warnings)
		require.Positive(t, r.token.left(r.end), "an expired token was handed out")
	}
	require.Positive(t, judged)
}

// usableAt says whether a read that ended before a time got a token that can be handed out at another.
func usableAt(readings []reading, at, before time.Time) bool {
	return slices.ContainsFunc(readings, func(r reading) bool {
		return r.err == nil && r.end.Before(before) && r.token.left(at) > reserve
	})
}

func tokensIn(readings []reading) map[string]bool {
	ids := make(map[string]bool)
	for _, r := range readings {
		if r.err == nil {
			ids[r.token.ID] = true
		}
	}
	return ids
}

// checks are a number of connections that read `check` all the time.
type checks struct {
	end     chan struct{}
	once    sync.Once
	readers sync.WaitGroup

	mu      sync.Mutex
	answers map[int]int // how many for each status
}

func startChecks(t *testing.T, client *api.Client, connections int) *checks {
	t.Helper()
	c := &checks{end: make(chan struct{}), answers: make(map[int]int)}
	for range connections {
		own, err := client.Clone()
		require.NoError(t, err)
		own.SetToken(client.Token())
		c.readers.Go(func() { c.run(own) })
	}
	t.Cleanup(func() { c.stop() })
	return c
}

// run pauses after each answer: a hundred connections that hammer a machine of two cores would slow readers without any
// help of the engine.
func (c *checks) run(client *api.Client) {
	for {
		status := http.StatusOK
		if _, err := client.Logical().Read("itwin/check"); err != nil {
			status = 0
			if answer, ok := errors.AsType[*api.ResponseError](err); ok {
				status = answer.StatusCode
			}
		}
		c.mu.Lock()
		c.answers[status]++
		c.mu.Unlock()
		select {
		case <-c.end:
			return
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// stop ends them after the check that each is in, and returns how many got each status; 0 stands for no answer.
func (c *checks) stop() map[int]int {
	c.once.Do(func() { close(c.end) })
	c.readers.Wait()
	return c.answers
}
