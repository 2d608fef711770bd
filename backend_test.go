package itwin

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/helper/pathmanager"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
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

func TestCleanStopsAllGoroutines(t *testing.T) {
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

func TestUnmountEndsWaitingReadersAndRotationsWithoutWaiting(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env){
		"unmount": func(e *env) { e.Cleanup(e.t.Context()) },
		"delete":  func(e *env) { e.mustDelete("config") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.mustWrite("config", e.app(fields{keyRequestTimeout: 30, keyVerify: false}))
			e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
			asked, hanging := make(chan struct{}, 10), make(chan struct{})
			t.Cleanup(func() { close(hanging) })
			e.ims.Answer(func(http.ResponseWriter, *http.Request) {
				asked <- struct{}{}
				<-hanging
			})
			ended := make(chan error, 2)
			for path, op := range map[string]logical.Operation{"rotate": logical.UpdateOperation, "token/viewer": logical.ReadOperation} {
				go func() {
					resp, err := e.handle(context.WithoutCancel(t.Context()), op, path, nil)
					if err == nil && resp.IsError() {
						err = resp.Error()
					}
					ended <- err
				}()
			}
			<-asked
			<-asked
			begun := time.Now()
			end(e)
			for range cap(ended) {
				require.Error(t, <-ended)
			}
			require.Less(t, time.Since(begun), 10*time.Second, "of the 30 that each exchange may take")
			require.Empty(t, e.storage.Entries(t, tokenPrefix))
		})
	}
}

func TestBackendRenewsFromInitializationToCleanup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBackend("")
		b.jitter = func(time.Duration) time.Duration { return 0 }
		require.NoError(t, b.Setup(t.Context(), &logical.BackendConfig{System: &countingSystem{}}))
		for range 2 {
			require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{}))
		}
		var minted atomic.Int64
		a := b.plantApp(t, func(context.Context, scopes.Set) (tokens.Grant, error) {
			token := secret.New(canaryToken + strconv.FormatInt(minted.Add(1), 10))
			return tokens.Grant{AccessToken: token, RequestedAt: time.Now(), Lifetime: lifetime}, nil
		})
		_, err := a.pool.Token(t.Context(), a.config.Scopes, 0)
		require.NoError(t, err)
		<-time.After(29*time.Minute - time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, minted.Load())
		<-time.After(time.Second)
		synctest.Wait()
		require.EqualValues(t, 2, minted.Load(), "ahead of the rotation, with no reader")

		_, ok := a.pool.Fresh(a.config.Scopes, 0)
		require.True(t, ok, "so that it is in use")
		b.Cleanup(t.Context())
		<-time.After(lifetime)
		require.EqualValues(t, 2, minted.Load())
	})
}

// plantApp makes a default app that needs no network.
func (b *backend) plantApp(t *testing.T, mint func(context.Context, scopes.Set) (tokens.Grant, error)) *app {
	t.Helper()
	c := defaultConfig()
	c.ClientID, c.ClientSecret, c.Generation = "service-test", secret.New(canarySecret), "g"
	c.normalize()
	a, err := b.newApp(t.Context(), "", c)
	require.NoError(t, err)
	settings := b.poolSettings(newFaultyStorage(), a)
	settings.Mint = mint
	a.pool = tokens.NewPool(b.poolOptions(a, time.Time{}), settings)
	b.apps.Swap("", a)
	return a
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
		require.True(t, wrapped.HasExactPath(key), key)
	}
}

func TestNoPathIsUnauthenticated(t *testing.T) {
	t.Parallel()
	special := newEnv(t).SpecialPaths()
	require.Empty(t, special.Unauthenticated)
	require.Empty(t, special.LocalStorage, "tokens are replicated")
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

func TestStorageFailuresAreReportedAndLoseNothingElse(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fail   string
		prefix string
		op     logical.Operation
		path   string
		data   fields
		text   string
	}{
		"reading a config":   {opGet, "config", logical.ReadOperation, "config", nil, "reading config"},
		"checking a config":  {opGet, "config", logical.UpdateOperation, "config", fields{keyRenewBefore: 60}, "reading config"},
		"patching a config":  {opGet, "config", logical.PatchOperation, "config", fields{keyRenewBefore: 60}, "reading config"},
		"writing a config":   {opPut, "config", logical.UpdateOperation, "config", fields{keyRenewBefore: 60}, "writing config"},
		"deleting a config":  {opDelete, "config", logical.DeleteOperation, "config", nil, "deleting config"},
		"ending an app":      {opGet, "config", logical.DeleteOperation, "config", nil, "reading config"},
		"listing apps":       {opList, "config/", logical.ListOperation, "config/", nil, "listing config/"},
		"reading a role":     {opGet, "role/", logical.ReadOperation, "role/viewer", nil, "reading role"},
		"checking a role":    {opGet, "role/", logical.UpdateOperation, "role/viewer", nil, "reading role"},
		"patching a role":    {opGet, "role/", logical.PatchOperation, "role/viewer", nil, "reading role"},
		"writing a role":     {opPut, "role/", logical.UpdateOperation, "role/viewer", nil, "writing role"},
		"deleting a role":    {opDelete, "role/", logical.DeleteOperation, "role/viewer", nil, "deleting role"},
		"listing roles":      {opList, "role/", logical.ListOperation, "role/", nil, "listing role/"},
		"a token's config":   {opGet, "config/", logical.ReadOperation, "token/qa", nil, "reading config"},
		"a token's role":     {opGet, "role/", logical.ReadOperation, "token/qa", nil, "reading role"},
		"rotating by a role": {opGet, "role/", logical.UpdateOperation, "rotate/qa", nil, "reading role"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.mustWrite("config/qa", e.app())
			e.mustWrite("role/qa", fields{keyApp: "qa"})
			e.mustWrite("role/viewer", nil)
			e.InvalidateKey(t.Context(), "config/qa")
			before := e.storage.Entries(t, "")
			e.storage.Fail(c.fail, c.prefix)
			status, text := e.mustFail(c.op, c.path, c.data)
			require.Equal(t, http.StatusInternalServerError, status)
			require.Equal(t, c.text+": the disk is on fire", text)
			require.Equal(t, canaryToken+"1", e.token(), "readers go on")
			e.storage.Work()
			require.Equal(t, before, e.storage.Entries(t, ""))
			e.must(c.op, c.path, c.data)
		})
	}
}

// A call that did its work and says that it didn't must leave the node as if it
// had failed, or as if it had worked, and a second try must work.
func TestStorageThatFailsAfterWritingLeavesAConsistentState(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fail, prefix string
		op           logical.Operation
		path         string
		data         fields
		text         string // empty: the request goes on
	}{
		"creating a config": {
			opPut, "config/", logical.UpdateOperation, "config/new",
			fields{keyClientID: "n", keyClientSecret: "s", keyVerify: false},
			"writing config",
		},
		"changing a config": {opPut, "config", logical.UpdateOperation, "config", fields{keyRenewBefore: 60}, "writing config"},
		"patching a config": {opPut, "config", logical.PatchOperation, "config", fields{keyClientSecret: "canary-2"}, "writing config"},
		"deleting a config": {opDelete, "config", logical.DeleteOperation, "config", nil, "deleting config"},
		"creating a role":   {opPut, "role/", logical.UpdateOperation, "role/new", nil, "writing role"},
		"changing a role":   {opPut, "role/", logical.UpdateOperation, "role/viewer", fields{keyScopes: "imodels:read"}, "writing role"},
		"deleting a role":   {opDelete, "role/", logical.DeleteOperation, "role/viewer", nil, "deleting role"},
		"storing a token":   {opPut, "token/", logical.UpdateOperation, "rotate", nil, ""},
		"loading a token":   {opGet, "token/", logical.ReadOperation, "token/viewer", nil, ""},
		"purging tokens":    {opDelete, "token/", logical.UpdateOperation, "config", fields{keyClientSecret: "canary-2"}, ""},
		"finding tokens":    {opList, "token/", logical.UpdateOperation, "config", fields{keyClientSecret: "canary-2"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
			e.storage.FailLate(c.fail, c.prefix)
			if c.text == "" {
				e.must(c.op, c.path, c.data)
			} else {
				_, text := e.mustFail(c.op, c.path, c.data)
				require.Equal(t, c.text+": "+errStorage.Error(), text)
			}
			e.storage.Work()
			e.must(c.op, c.path, c.data)
			e.mustAgreeWithANewNode()
		})
	}
}

// mustAgreeWithANewNode holds where memory and storage are one: a restart changes
// no answer.
func (e *env) mustAgreeWithANewNode() {
	e.t.Helper()
	restarted := e.node()
	for _, path := range []string{"config", "config/new", "role/viewer", "role/new", "token", "token/viewer"} {
		here, hereErr := e.handle(e.t.Context(), logical.ReadOperation, path, nil)
		there, thereErr := restarted.handle(e.t.Context(), logical.ReadOperation, path, nil)
		require.NoError(e.t, hereErr, path)
		require.NoError(e.t, thereErr, path)
		require.Equal(e.t, here, there, path)
	}
}
