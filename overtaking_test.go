package itwin

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// These tests let one thing overtake another: what happens in between is done
// from within a storage call.

// between is a storage that does something after its first read below a prefix.
type between struct {
	logical.Storage
	prefix string
	do     func(key string)
	once   sync.Once
}

func (s *between) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	entry, err := s.Storage.Get(ctx, key)
	if strings.HasPrefix(key, s.prefix) {
		s.once.Do(func() { s.do(key) })
	}
	return entry, err
}

func (e *env) readVia(ctx context.Context, s logical.Storage, path string) (*logical.Response, error) {
	return e.HandleRequest(ctx, &logical.Request{Operation: logical.ReadOperation, Path: path, Storage: s, MountPoint: mount})
}

func TestStandbyDropsATokenThatIsRotatedWhileItLoads(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	standby := e.node()
	standby.system.Standby()
	overtaken := &between{Storage: e.storage, prefix: tokenPrefix, do: func(key string) {
		e.clock.advance(time.Second)
		e.mustWrite("rotate", nil)
		standby.InvalidateKey(t.Context(), key)
	}}
	resp, err := standby.readVia(t.Context(), overtaken, "token")
	require.NoError(t, err)
	require.Equal(t, canaryToken+"2", resp.Data[keyAccessToken])
}

func TestCancelledReaderLeavesAStorageThatHangs(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t).node()
	ctx, cancel := context.WithCancel(t.Context())
	hanging := make(chan struct{})
	t.Cleanup(func() { close(hanging) })
	storage := &between{Storage: e.storage, prefix: "config", do: func(string) {
		cancel()
		<-hanging
	}}
	_, err := e.readVia(ctx, storage, "token")
	require.ErrorContains(t, err, "the request ended")
}

// startReading reads while IMS holds its answer back, and returns how to end that.
func startReading(t *testing.T, e *env, path string) (finish func()) {
	t.Helper()
	gate := e.ims.Hold()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = e.handle(context.WithoutCancel(t.Context()), logical.ReadOperation, path, nil)
	}()
	<-gate.arrived
	return func() {
		close(gate.released)
		<-done
	}
}

func TestTokenMintedWhilePersistenceIsTurnedOffIsNotStored(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	finish := startReading(t, e, "token/viewer")
	e.mustWrite("config", fields{keyPersistTokens: false, keyVerify: false})
	finish()
	require.Empty(t, e.storage.Entries(t, tokenPrefix))
}

func TestSweepDeletesWhatTurningPersistenceOffCouldNot(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.storage.Fail(opDelete, tokenPrefix)
	e.mustWrite("config", fields{keyPersistTokens: false, keyVerify: false})
	require.NotEmpty(t, e.storage.Entries(t, tokenPrefix))
	e.storage.Work()
	e.clock.advance(sweepInterval)
	require.NoError(t, e.periodic(t.Context(), &logical.Request{Storage: e.storage}))
	require.Empty(t, e.storage.Entries(t, tokenPrefix))
}

func TestExchangeThatAConfigWriteOvertakesIsMadeAgain(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	e.ims.Fail(503)
	finish := startReading(t, e, "token/viewer")
	e.mustWrite("config", fields{keyRenewBefore: 60, keyVerify: false})
	e.ims.Work()
	finish()
	e.token("token/viewer") // no wait is left from the failure under the old config
}

func TestReadersRecoverFromAPoolThatAnInvalidationRetired(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	known, ok := e.apps.Peek("")
	require.True(t, ok)
	known.pool.Retire()
	require.Equal(t, canaryToken+"1", e.token(), "read again from storage")
}

func TestRotationSaysWhenOtherNodesCannotKnowOfIt(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.storage.Fail(opPut, tokenPrefix)
	resp := e.mustWrite("rotate", nil)
	require.Len(t, resp.Warnings, 1)
	require.Contains(t, resp.Warnings[0], "couldn't be stored")
	e.storage.Work()
	require.Empty(t, e.mustWrite("rotate", nil).Warnings)
}
