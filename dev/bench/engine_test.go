package bench

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	itwin "vault-plugin-secrets-itwin"
	"vault-plugin-secrets-itwin/dev/bench/floor"
)

// engine is a secrets engine in this process, without a Vault around it.
type engine struct {
	logical.Backend

	storage logical.Storage
}

func newEngine(t *testing.T, factory logical.Factory, storage logical.Storage) *engine {
	t.Helper()
	backend, err := factory(t.Context(), &logical.BackendConfig{System: logical.TestSystemView(), StorageView: storage})
	require.NoError(t, err)
	require.NoError(t, backend.Initialize(t.Context(), &logical.InitializationRequest{Storage: storage}))
	t.Cleanup(func() { backend.Cleanup(context.Background()) })
	return &engine{Backend: backend, storage: storage}
}

func (e *engine) mustHandle(t *testing.T, op logical.Operation, path string, data map[string]any) *logical.Response {
	t.Helper()
	resp, err := e.HandleRequest(t.Context(), &logical.Request{Operation: op, Path: path, Data: data, Storage: e.storage})
	require.NoError(t, err)
	require.False(t, resp.IsError(), "%v", resp)
	return resp
}

// handler is the product's own part of a cached read: no Vault, no gRPC.
func handler(t *testing.T, _ *stage, results *table) {
	t.Helper()
	product := newEngine(t, itwin.Factory, &logical.InmemStorage{})
	product.mustHandle(t, logical.UpdateOperation, "config", config(startIMS(t, time.Hour)))
	constant := newEngine(t, floor.Factory, &logical.InmemStorage{})
	constant.mustHandle(t, logical.UpdateOperation, "answer", product.mustHandle(t, logical.ReadOperation, "token", nil).Data)

	got := takeTurns(5, product.benchmark, constant.benchmark)
	figure := func(name string, goal target, unit string, of func(testing.BenchmarkResult) int64) {
		own, least := got.medians(func(r testing.BenchmarkResult) float64 { return float64(of(r)) })
		results.figure("HandleRequest of a cached read: "+name, goal, own, unit, fmt.Sprintf("%.0f for a constant map", least))
	}
	figure("time", target{}, "ns", testing.BenchmarkResult.NsPerOp)
	figure("memory", target{}, "bytes", testing.BenchmarkResult.AllocedBytesPerOp)
	// The answer, its map, and the two figures that belong to one read.
	figure("allocations", atMost(7), "", testing.BenchmarkResult.AllocsPerOp)
}

func (e *engine) benchmark() testing.BenchmarkResult {
	req := &logical.Request{Operation: logical.ReadOperation, Path: "token", Storage: e.storage}
	return testing.Benchmark(func(b *testing.B) {
		b.Helper()
		for b.Loop() {
			if _, err := e.HandleRequest(b.Context(), req); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// memory is what a role in use takes in the plugin's memory. Roles are written through another engine, so that the
// storage's own copies are there before the count begins.
func memory(t *testing.T, _ *stage, results *table) {
	t.Helper()
	storage := &logical.InmemStorage{}
	writer := newEngine(t, itwin.Factory, storage)
	writer.mustHandle(t, logical.UpdateOperation, "config", config(startIMS(t, time.Hour)))
	for i := range roleCount {
		writer.mustHandle(t, logical.CreateOperation, "role/"+roleName(i), map[string]any{"scopes": scopeOf(i)})
	}
	reader := newEngine(t, itwin.Factory, storage)
	var before float64
	for i := range roleCount {
		if i == scopeCount { // all tokens are minted, which belong to scope sets and not to roles
			before = heap()
		}
		reader.mustHandle(t, logical.ReadOperation, "token/"+roleName(i), nil)
	}
	perRole := (heap() - before) / (roleCount - scopeCount)
	runtime.KeepAlive(reader)
	runtime.KeepAlive(writer)
	results.figure("memory of a role in use", atMost(512), perRole, "bytes", "heap, without its scope set's token")
}

// heap is the size of what is in use, in bytes. The second collection frees what the first only emptied out of pools.
func heap() float64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}
