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
	"vault-plugin-secrets-itwin/dev/bench/measure"
	"vault-plugin-secrets-itwin/dev/bench/report"
	"vault-plugin-secrets-itwin/dev/emulator"
)

// handlerCalls is how many calls of HandleRequest a round makes: enough for the collector to take part.
const handlerCalls = 100_000

// engine is a secrets engine in this process, without a Vault around it.
type engine struct {
	logical.Backend

	storage logical.Storage
}

// cost is what one call of HandleRequest takes.
type cost struct{ nanoseconds, bytes, allocations float64 }

// handler is the product's own part of a cached read: no Vault, no gRPC.
func handler(b *testing.B, _ *stage, table *report.Table) {
	b.Helper()
	product := configuredEngine(b, startIMS(b, time.Hour, defaultScope), &logical.InmemStorage{})
	answer := product.mustHandle(b, logical.ReadOperation, "token", nil)
	constant := newEngine(b, floor.Factory, &logical.InmemStorage{})
	constant.mustHandle(b, logical.UpdateOperation, "answer", answer.Data)

	pairs, err := measure.Interleave(rounds, product.readCost(b), constant.readCost(b))
	require.NoError(b, err)
	figure := func(name, unit string, of func(cost) float64) {
		own, least := measure.Products(pairs, of), measure.Floors(pairs, of)
		table.Figure("HandleRequest of a cached read: "+name, fmt.Sprintf("%.0f %s", own.Median, unit),
			fmt.Sprintf("%.0f for a constant map", least.Median))
	}
	figure("time", "ns", func(c cost) float64 { return c.nanoseconds })
	figure("memory", "bytes", func(c cost) float64 { return c.bytes })
	figure("allocations", "", func(c cost) float64 { return c.allocations })
}

func newEngine(b *testing.B, factory logical.Factory, storage logical.Storage) *engine {
	b.Helper()
	backend, err := factory(b.Context(), &logical.BackendConfig{System: logical.TestSystemView(), StorageView: storage})
	require.NoError(b, err)
	require.NoError(b, backend.Initialize(b.Context(), &logical.InitializationRequest{Storage: storage}))
	b.Cleanup(func() { backend.Cleanup(context.Background()) })
	return &engine{Backend: backend, storage: storage}
}

func configuredEngine(b *testing.B, ims *emulator.Emulator, storage logical.Storage) *engine {
	b.Helper()
	e := newEngine(b, itwin.Factory, storage)
	e.mustHandle(b, logical.UpdateOperation, "config", map[string]any{
		"client_id": clientID, "client_secret": clientSecret, "authority": ims.URL(), "scopes": defaultScope,
	})
	return e
}

func (e *engine) mustHandle(b *testing.B, op logical.Operation, path string, data map[string]any) *logical.Response {
	b.Helper()
	resp, err := e.HandleRequest(b.Context(), &logical.Request{Operation: op, Path: path, Data: data, Storage: e.storage})
	require.NoError(b, err)
	require.False(b, resp.IsError(), "%v", resp)
	return resp
}

func (e *engine) readCost(b *testing.B) func() (cost, error) {
	b.Helper()
	return func() (cost, error) {
		var before, after runtime.MemStats
		req := &logical.Request{Operation: logical.ReadOperation, Path: "token", Storage: e.storage}
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		for range handlerCalls {
			if _, err := e.HandleRequest(b.Context(), req); err != nil {
				return cost{}, err
			}
		}
		elapsed := time.Since(start)
		runtime.ReadMemStats(&after)
		return cost{
			nanoseconds: float64(elapsed.Nanoseconds()) / handlerCalls,
			bytes:       float64(after.TotalAlloc-before.TotalAlloc) / handlerCalls,
			allocations: float64(after.Mallocs-before.Mallocs) / handlerCalls,
		}, nil
	}
}
