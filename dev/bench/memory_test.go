package bench

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	itwin "vault-plugin-secrets-itwin"
	"vault-plugin-secrets-itwin/dev/bench/report"
)

// memory is what a role in use takes in the plugin's memory. Roles are written through another engine, so that the
// storage's own copies are there before the count begins.
func memory(b *testing.B, _ *stage, table *report.Table) {
	b.Helper()
	ims := startIMS(b, time.Hour, append(roleScopes(), defaultScope)...)
	storage := &logical.InmemStorage{}
	writer := configuredEngine(b, ims, storage)
	for _, name := range roleNames() {
		writer.mustHandle(b, logical.CreateOperation, "role/"+name, map[string]any{"scopes": scopeOf(name)})
	}
	// Tokens are minted before, as they belong to scope sets and not to roles.
	for _, name := range roleNames()[:scopeCount] {
		writer.mustHandle(b, logical.ReadOperation, "token/"+name, nil)
	}
	reader := newEngine(b, itwin.Factory, storage)
	for _, name := range roleNames()[:scopeCount] {
		reader.mustHandle(b, logical.ReadOperation, "token/"+name, nil)
	}
	before := heap()
	for _, name := range roleNames()[scopeCount:] {
		reader.mustHandle(b, logical.ReadOperation, "token/"+name, nil)
	}
	perRole := float64(heap()-before) / (roleCount - scopeCount)
	runtime.KeepAlive(reader)
	runtime.KeepAlive(writer)
	table.Figure("memory of a role in use", fmt.Sprintf("%.0f bytes", perRole), "heap, without its scope set's token")
}

// heap is the size of what is in use, in bytes. The second collection frees what the first only emptied out of pools.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
