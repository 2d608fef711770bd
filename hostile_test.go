package itwin

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// hostility is one way for IMS to misbehave, and what Vault must answer.
type hostility struct {
	endpoint func(t *testing.T) endpoint
	status   int
	text     string // in every answer; HOST stands for the endpoint's
	readers  string // in the answers to readers alone
}

// endpoint is where the secret is sent.
type endpoint struct{ tokenURL, caCert string }

func (to endpoint) host(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(to.tokenURL)
	require.NoError(t, err)
	return u.Host
}

// TestNoHostileIMSDoesHarm runs by itself: it weighs the whole process.
func TestNoHostileIMSDoesHarm(t *testing.T) {
	goroutines, heap := footprint()
	t.Run("when", func(t *testing.T) {
		for name, h := range hostilities(t) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h.prove(t)
			})
		}
	})
	const (
		growth  = 4 << 20 // bytes: less than five bodies of 1 MiB
		asking  = 1       // Eventually's own goroutine
		patient = 10 * time.Second
	)
	require.Eventually(t, func() bool {
		nowGoroutines, nowHeap := footprint()
		return nowGoroutines <= goroutines+asking && nowHeap <= heap+growth
	}, patient, 50*time.Millisecond, "goroutines or memory were left behind")
}

func footprint() (goroutines int, heap uint64) {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return runtime.NumGoroutine(), stats.HeapAlloc
}

func hostilities(t *testing.T) map[string]hostility {
	t.Helper()
	all := make(map[string]hostility)
	for _, theme := range []map[string]hostility{
		redirects(), statuses(), refusals(), retryAfters(), bodies(), answers(), lifetimes(), wires(), certificates(), addresses(),
	} {
		for name := range theme {
			require.NotContains(t, all, name)
		}
		maps.Copy(all, theme)
	}
	require.Greater(t, len(all), 45)
	return all
}

// prove lets a reader, a rotation and a config write meet the hostile IMS while a
// token from better days is in storage.
func (h hostility) prove(t *testing.T) {
	t.Helper()
	e := newConfiguredEnv(t)
	if h.status == http.StatusGatewayTimeout {
		e.mustWrite("config", fields{keyRequestTimeout: 1, keyVerify: false})
	}
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	to := h.endpoint(t)
	text := strings.ReplaceAll(h.text, "HOST", to.host(t))
	e = e.movedTo(to)
	e.clock.advance(31 * time.Minute)
	before := e.storage.Entries(t, "")

	for path, v := range e.verdicts() {
		require.Equal(t, h.status, v.status, "%s: %s", path, v.text)
		require.Contains(t, v.text, text, path)
		e.mustBeFitToShow(v.text)
		if path == configStorageKey {
			require.Contains(t, v.text, "; nothing was stored, the previous config stays")
			continue
		}
		require.Contains(t, v.text, "next attempt at 2026-11-23T12:3", path)
		require.Contains(t, v.text, h.readers, path)
	}
	require.Equal(t, before, e.storage.Entries(t, ""))

	old := e.mustRead("token")
	require.Equal(t, canaryToken+"1", old.Data[keyAccessToken])
	require.Len(t, old.Warnings, 1)
	require.Contains(t, old.Warnings[0], text)
	e.mustBeFitToShow(old.Warnings[0])
}

// movedTo restarts the node with the token endpoint elsewhere, in the same
// generation: as if IMS itself had changed.
func (e *env) movedTo(to endpoint) *env {
	e.t.Helper()
	stored := make(fields)
	require.NoError(e.t, json.Unmarshal([]byte(e.storage.Entries(e.t, "")[configStorageKey]), &stored))
	stored[keyTokenURL], stored[keyCACert] = to.tokenURL, to.caCert
	planted, err := json.Marshal(stored)
	require.NoError(e.t, err)
	e.storage.Plant(e.t, configStorageKey, string(planted))
	return e.node()
}

type verdict struct {
	status int
	text   string
}

// verdicts are the answers to requests that all need an exchange, by path. They
// are sent together: a limit of one second then passes once.
func (e *env) verdicts() map[string]verdict {
	requests := map[string]fields{
		"token/viewer":   nil,
		"rotate":         nil,
		configStorageKey: {keyClientID: "service-other"},
	}
	answered := make(map[string]verdict)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for path, data := range requests {
		wait.Go(func() {
			resp, err := e.handle(e.t.Context(), logical.UpdateOperation, path, data)
			mu.Lock()
			defer mu.Unlock()
			answered[path] = judge(resp, err)
		})
	}
	wait.Wait()
	return answered
}

func judge(resp *logical.Response, err error) verdict {
	coded, ok := err.(logical.HTTPCodedError) //nolint:errorlint // Vault answers 500 to a wrapped one
	switch {
	case ok:
		return verdict{coded.Code(), coded.Error()}
	case err != nil:
		return verdict{http.StatusInternalServerError, err.Error()}
	case resp != nil && resp.IsError():
		return verdict{http.StatusBadRequest, resp.Error().Error()}
	}
	return verdict{status: http.StatusOK}
}

// mustBeFitToShow holds for any text about a hostile answer: short, in one line,
// without what a terminal would obey, and without what upstream must not say.
func (e *env) mustBeFitToShow(text string) {
	e.t.Helper()
	e.mustHideCanaries(text)
	require.True(e.t, utf8.ValidString(text))
	require.Less(e.t, len(text), 1500)
	require.False(e.t, strings.ContainsFunc(text, unicode.IsControl), "%q", text)
}
