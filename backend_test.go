package itwin

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/pathmanager"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestFactoryNeedsNeitherStorageNorSystem(t *testing.T) {
	t.Parallel()
	within(t, func(ctx context.Context, goroutines func() int) {
		b, err := FactoryOf("v1.2.3")(ctx, &logical.BackendConfig{})
		require.NoError(t, err)
		require.Equal(t, logical.TypeLogical, b.Type())
		require.Equal(t, "v1.2.3", b.(*backend).PluginVersion().Version)
		require.Equal(t, 1, goroutines(), "it starts none")
		b.Cleanup(ctx)
	})
}

func TestFactoryRefusesNoConfiguration(t *testing.T) {
	t.Parallel()
	b, err := Factory(t.Context(), nil)
	require.Nil(t, b)
	require.EqualError(t, err, "setting up vault-plugin-secrets-itwin: no configuration was passed to the factory")
}

func TestFactoryDoesNoIO(t *testing.T) {
	t.Parallel()
	storage, system := newFaultyStorage(), &countingSystem{}
	_, err := Factory(t.Context(), &logical.BackendConfig{StorageView: storage, System: system})
	require.NoError(t, err)
	require.Zero(t, storage.Calls())
	require.Zero(t, system.calls.Load())
}

func TestCleanupLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	within(t, func(_ context.Context, goroutines func() int) {
		e := newConfiguredEnv(t)
		require.NoError(t, e.Initialize(t.Context(), &logical.InitializationRequest{Storage: e.storage}))
		e.mustWrite("config/qa", e.app())
		e.mustWrite("role/qa", fields{keyApp: "qa"})
		e.token("token/qa")
		gate := e.ims.Hold()
		go func() { _, _ = e.handle(context.Background(), logical.UpdateOperation, "rotate", nil) }()
		<-gate.arrived
		require.Greater(t, goroutines(), 1)
		e.Cleanup(t.Context())
		e.ims.Close()
		require.Eventually(t, func() bool { return goroutines() <= 1+1 }, 10*time.Second, time.Millisecond,
			"besides this one and Eventually's")
	})
}

// within runs f in a goroutine whose descendants are counted.
func within(t *testing.T, f func(ctx context.Context, goroutines func() int)) {
	t.Helper()
	pprof.Do(t.Context(), pprof.Labels("test", t.Name()), func(ctx context.Context) {
		f(ctx, func() int { return countGoroutines(t) })
	})
}

// countGoroutines reads the profile's records, which begin with how many
// goroutines share a stack.
func countGoroutines(t *testing.T) int {
	t.Helper()
	var profile bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	count := 0
	for record := range strings.SplitSeq(profile.String(), "\n\n") {
		if !strings.Contains(record, fmt.Sprintf("%q:%q", "test", t.Name())) {
			continue
		}
		n, err := strconv.Atoi(regexp.MustCompile(`(?m)^(\d+) @`).FindStringSubmatch(record)[1])
		require.NoError(t, err)
		count += n
	}
	return count
}

func TestSealWrapCoversEveryKeyWritten(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config/qa", e.app())
	e.mustWrite("role/viewer", fields{keyApp: "qa", keyScopes: "itwins:read"})
	e.token("token/viewer")
	wrapped := pathmanager.New()
	wrapped.AddPaths(e.SpecialPaths().SealWrapStorage)
	written := e.storage.Entries(t, "")
	require.Len(t, written, 6)
	for key := range written {
		require.True(t, wrapped.HasPath(key), key)
	}
}

func TestNoPathIsUnauthenticated(t *testing.T) {
	t.Parallel()
	special := newEnv(t).SpecialPaths()
	require.Empty(t, special.Unauthenticated)
	require.Empty(t, special.LocalStorage, "tokens are replicated")
}

func TestLogTellsWhatHappenedToWhom(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	id := e.mustRead("token/viewer").Data[keyTokenID].(string)
	e.mustWrite("rotate", nil)
	e.mustDelete("role/viewer")
	e.mustDelete("config")
	log := e.log.String()
	for _, line := range []string{
		"config written", "role written", "token minted", "token rotated on request", "role deleted", "config deleted",
		"client_id=service-test", "scope=itwins:read", "token_id=" + id, "expires_at=2026-11-23T13:00:00Z",
	} {
		require.Contains(t, log, line)
	}
	e.mustHideCanaries(log)
}

func TestJitterStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	require.Zero(t, jitter(0))
	require.Zero(t, jitter(-time.Second))
	seen := make(map[time.Duration]bool)
	for range 1000 {
		d := jitter(2)
		require.Contains(t, []time.Duration{0, 1, 2}, d)
		seen[d] = true
	}
	require.Len(t, seen, 3, "both bounds included")
}
