package itwin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// The calls that a faultyStorage can fail.
const (
	opGet    = "get"
	opPut    = "put"
	opDelete = "delete"
	opList   = "list"
)

var errStorage = errors.New("the disk is on fire")

// faultyStorage counts calls and fails them on demand.
type faultyStorage struct {
	inner logical.InmemStorage

	mu     sync.Mutex
	counts map[string]int
	op     string // the calls that fail
	prefix string // of their keys
	late   bool   // they fail only after they were done
}

func newFaultyStorage() *faultyStorage { return &faultyStorage{counts: make(map[string]int)} }

// Fail fails the calls on keys with the prefix.
func (s *faultyStorage) Fail(op, prefix string) { s.set(op, prefix, false) }

// FailLate lets the calls do their work and says that they failed.
func (s *faultyStorage) FailLate(op, prefix string) { s.set(op, prefix, true) }

// Work ends the failures.
func (s *faultyStorage) Work() { s.set("", "", false) }

func (s *faultyStorage) set(op, prefix string, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.op, s.prefix, s.late = op, prefix, late
}

// Calls is how many there were; none given: of all kinds.
func (s *faultyStorage) Calls(ops ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(ops) == 0 {
		ops = []string{opGet, opPut, opDelete, opList}
	}
	sum := 0
	for _, op := range ops {
		sum += s.counts[op]
	}
	return sum
}

func (s *faultyStorage) do(op, key string, work func() error) error {
	s.mu.Lock()
	s.counts[op]++
	fails, late := s.op == op && strings.HasPrefix(key, s.prefix), s.late
	s.mu.Unlock()
	if fails && !late {
		return errStorage
	}
	if err := work(); err != nil {
		return err
	}
	if fails {
		return errStorage
	}
	return nil
}

func (s *faultyStorage) Get(ctx context.Context, key string) (entry *logical.StorageEntry, err error) {
	return entry, s.do(opGet, key, func() (err error) {
		entry, err = s.inner.Get(ctx, key)
		return err
	})
}

func (s *faultyStorage) List(ctx context.Context, prefix string) (keys []string, err error) {
	return keys, s.do(opList, prefix, func() (err error) {
		keys, err = s.inner.List(ctx, prefix)
		return err
	})
}

func (s *faultyStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	return s.do(opPut, entry.Key, func() error { return s.inner.Put(ctx, entry) })
}

func (s *faultyStorage) Delete(ctx context.Context, key string) error {
	return s.do(opDelete, key, func() error { return s.inner.Delete(ctx, key) })
}

// Entries are all that is stored below a prefix, byte for byte.
func (s *faultyStorage) Entries(t *testing.T, prefix string) map[string]string {
	t.Helper()
	keys, err := logical.CollectKeysWithPrefix(t.Context(), &s.inner, prefix)
	require.NoError(t, err)
	entries := make(map[string]string)
	for _, key := range keys {
		entry, err := s.inner.Get(t.Context(), key)
		require.NoError(t, err)
		entries[key] = string(entry.Value)
	}
	return entries
}

// Plant stores what no engine of this version has written.
func (s *faultyStorage) Plant(t *testing.T, key, value string) {
	t.Helper()
	require.NoError(t, s.inner.Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte(value)}))
}

// countingSystem is Vault as the engine sees it. A method that isn't here panics:
// the engine has no reason to call it.
type countingSystem struct {
	logical.SystemView

	calls atomic.Int64
	state atomic.Uint32
}

// Standby makes the node a performance standby.
func (s *countingSystem) Standby() { s.state.Store(uint32(consts.ReplicationPerformanceStandby)) }

func (s *countingSystem) ReplicationState() consts.ReplicationState {
	s.calls.Add(1)
	return consts.ReplicationState(s.state.Load())
}

func (s *countingSystem) LocalMount() bool {
	s.calls.Add(1)
	return false
}

func (s *countingSystem) PluginEnv(context.Context) (*logical.PluginEnvironment, error) {
	s.calls.Add(1)
	return &logical.PluginEnvironment{VaultVersion: "1.21.0"}, nil
}

// GetConsumptionBillingManager is asked for by the framework, at set-up.
func (*countingSystem) GetConsumptionBillingManager() logical.ConsumptionBillingManager { return nil }

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
