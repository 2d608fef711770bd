// Package bench measures the plugin against the least that any plugin costs: the floor plugin, in the same Vault, in
// rounds of the same run that take turns. A ratio of the two holds on another machine as well.
//
// Its only test fills one table, and fails if a target is missed.
//
//	make bench
package bench

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTargets measures what the project has set itself. If all of it was measured, the table is written into the document
// that BENCH_DOCUMENT names.
func TestTargets(t *testing.T) {
	path := os.Getenv("BENCH_DOCUMENT")
	if path == "" {
		t.Skip("it takes minutes, and the machine for itself: make bench")
	}
	slog.SetLogLoggerLevel(slog.LevelWarn) // the emulator's OAuth library logs its routes
	vault := newStage(t)
	results := &table{machine: machine(t, vault)}
	parts := []struct {
		name    string
		measure func(*testing.T, *stage, *table)
	}{
		{"cached", cachedReads},
		{"rollover", rollover},
		{"cold", coldReaders},
		{"roles", manyRoles},
		{"agents", agents},
		{"handler", handler},
		{"memory", memory},
		{"audit", audit},
	}
	measured := 0
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			part.measure(t, vault, results)
			measured++
		})
	}
	fmt.Print(results.markdown())
	if measured == len(parts) {
		results.writeInto(t, path)
	}
	require.Empty(t, results.wrong, "missed targets")
}
