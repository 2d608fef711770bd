package soak

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"sync"
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

func (e *engine) handle(ctx context.Context, op logical.Operation, path string, data fields) (*logical.Response, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	resp, err := e.backend.HandleRequest(ctx, &logical.Request{
		Operation: op, Path: path, Data: data, Storage: e.storage, MountPoint: "itwin/",
	})
	var coded logical.HTTPCodedError
	switch {
	case errors.As(err, &coded):
		return nil, refusal{coded.Code(), coded.Error()}
	case err != nil:
		return nil, refusal{http.StatusInternalServerError, err.Error()}
	case resp.IsError():
		return nil, refusal{http.StatusBadRequest, resp.Error().Error()}
	}
	return resp, nil
}

func (e *engine) readToken(ctx context.Context, _ int, path string) (token, error) {
	resp, err := e.handle(ctx, logical.ReadOperation, path, nil)
	if err != nil {
		return token{}, err
	}
	var got token
	text, err := json.Marshal(resp.Data)
	if err != nil {
		return token{}, err
	}
	err = json.Unmarshal(text, &got)
	return got, err
}

func (e *engine) write(path string, data fields) error {
	_, err := e.handle(context.Background(), logical.UpdateOperation, path, data)
	return err
}

func (e *engine) remove(path string) error {
	_, err := e.handle(context.Background(), logical.DeleteOperation, path, nil)
	return err
}

// read also does what Vault does once a minute.
func (e *engine) read(path string) error {
	if _, err := e.handle(context.Background(), logical.RollbackOperation, "", nil); err != nil {
		return err
	}
	_, err := e.handle(context.Background(), logical.ReadOperation, path, nil)
	return err
}

func (e *engine) check(path string) error {
	_, err := e.handle(context.Background(), logical.ReadOperation, path, nil)
	return err
}

func (e *engine) reload() error {
	ctx := context.Background()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.backend != nil {
		e.backend.Cleanup(ctx)
	}
	next, err := itwin.Factory(ctx, &logical.BackendConfig{
		Logger: hclog.NewNullLogger(), System: &logical.StaticSystemView{}, StorageView: e.storage,
	})
	if err != nil {
		return err
	}
	e.backend = next
	return next.Initialize(ctx, &logical.InitializationRequest{Storage: e.storage})
}

// keys are those in storage, but for the random names of generations.
func (e *engine) keys(t *testing.T) []string {
	t.Helper()
	found, err := logical.CollectKeys(t.Context(), e.storage)
	require.NoError(t, err)
	return withoutGenerations(found)
}

func withoutGenerations(keys []string) []string {
	generation := regexp.MustCompile(`^token/[^/]+/`)
	for i, key := range keys {
		keys[i] = generation.ReplaceAllString(key, "token/…/")
	}
	slices.Sort(keys)
	return keys
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
	return weight{runtime.NumGoroutine(), sockets(t, "self"), stats.HeapAlloc}
}

// TestSoakInThisProcess takes no test beside it: it weighs the process.
func TestSoakInThisProcess(t *testing.T) { //nolint:paralleltest // see above
	ims, e := newIMS(t), &engine{storage: &slowStorage{Storage: &logical.InmemStorage{}}}
	require.NoError(t, e.reload())
	t.Cleanup(func() { e.backend.Cleanup(context.Background()) })
	s := newStand(t, ims, e)
	s.storage = e.storage
	s.settle()
	before, keys := weigh(t), e.keys(t)
	s.soak(soakTime(t), 20*time.Millisecond)
	s.settle()

	// The emulator remembers every token that it issued, and this test every token that it saw.
	remembered := uint64(2 * 1024 * len(ims.Issued()))
	var after weight
	require.Eventually(t, func() bool {
		after = weigh(t)
		// One goroutine is that of Eventually.
		return after.goroutines <= before.goroutines+1 && after.sockets <= before.sockets && after.heap <= before.heap+4<<20+remembered
	}, 20*time.Second, 100*time.Millisecond, "at the beginning %+v", before)
	t.Logf("at the beginning %+v, at the end %+v; storage keys %d", before, after, len(keys))
	require.Equal(t, keys, e.keys(t))
}
