package soak

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	itwin "vault-plugin-secrets-itwin"
)

// engine is the engine in this process. Reloads wait for requests under way, as Vault's do.
type engine struct {
	storage *slowStorage

	mu      sync.RWMutex
	backend logical.Backend
}

// request implements vault.
func (e *engine) request(ctx context.Context, op logical.Operation, path string, data fields) ([]byte, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	resp, err := e.backend.HandleRequest(ctx, &logical.Request{
		Operation: op, Path: path, Data: data, Storage: e.storage, MountPoint: "itwin/",
	})
	switch {
	case err != nil:
		return nil, err
	case resp.IsError():
		return nil, logical.CodedError(http.StatusBadRequest, resp.Error().Error())
	case resp == nil:
		return nil, nil
	}
	return json.Marshal(map[string]any{"data": resp.Data})
}

func (e *engine) reload() (err error) {
	ctx := context.Background()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.backend != nil {
		e.backend.Cleanup(ctx)
	}
	e.backend, err = itwin.Factory(ctx, &logical.BackendConfig{
		Logger: hclog.NewNullLogger(), System: &logical.StaticSystemView{}, StorageView: e.storage,
	})
	if err != nil {
		return err
	}
	return e.backend.Initialize(ctx, &logical.InitializationRequest{Storage: e.storage})
}

func (e *engine) keys(t *testing.T) []string {
	t.Helper()
	found, err := logical.CollectKeys(t.Context(), e.storage)
	require.NoError(t, err)
	return withoutGenerations(found)
}

// slowStorage is a storage that takes its time over tokens.
type slowStorage struct {
	logical.Storage

	delay atomic.Int64 // of time.Duration
}

// Put implements logical.Storage.
func (s *slowStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if delay := time.Duration(s.delay.Load()); delay > 0 && strings.HasPrefix(entry.Key, "token/") {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return errors.New("the storage gave up: its caller did")
		}
	}
	return s.Storage.Put(ctx, entry)
}

// weight is what this process holds.
type weight struct {
	goroutines, sockets int
	heap                uint64 // bytes in use
}

func weigh(t *testing.T) weight {
	t.Helper()
	// The second collection frees what the first only emptied out of pools.
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return weight{runtime.NumGoroutine(), sockets(t, os.Getpid()), stats.HeapAlloc}
}

// TestSoakInThisProcess takes no test beside it: it weighs the process.
func TestSoakInThisProcess(t *testing.T) { //nolint:paralleltest // see above
	e := &engine{storage: &slowStorage{Storage: &logical.InmemStorage{}}}
	require.NoError(t, e.reload())
	t.Cleanup(func() { e.backend.Cleanup(context.Background()) })
	s := newStand(t, e)
	s.storage = e.storage
	s.settle()
	before, keysBefore := weigh(t), e.keys(t)
	s.soak(20 * time.Millisecond)
	s.settle()

	// The emulator remembers every token that it issued, and this test every token that it saw.
	remembered := uint64(2 * 1024 * len(s.ims.Issued()))
	var after weight
	require.Eventually(t, func() bool {
		after = weigh(t)
		// One goroutine is that of Eventually.
		return after.goroutines <= before.goroutines+1 && after.sockets <= before.sockets && after.heap <= before.heap+4<<20+remembered
	}, 20*time.Second, 100*time.Millisecond, "at the beginning %+v", before)
	t.Logf("at the beginning %+v, at the end %+v; storage keys %d", before, after, len(keysBefore))
	require.Equal(t, keysBefore, e.keys(t))
}
