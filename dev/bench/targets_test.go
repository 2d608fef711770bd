package bench

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/bench/report"
)

// documentVariable names the document that the table is written into, if all of it was measured.
const documentVariable = "BENCH_DOCUMENT"

// BenchmarkTargets measures what the project has set itself. A part of it runs alone by its name, as in
// -bench Targets/cold.
func BenchmarkTargets(b *testing.B) {
	slog.SetLogLoggerLevel(slog.LevelWarn) // the emulator's OAuth library tells of its routes
	vault := newStage(b)
	table := &report.Table{Machine: machine(b, vault)}
	parts := []struct {
		name    string
		measure func(*testing.B, *stage, *report.Table)
	}{
		{"cached", cachedReads},
		{"rollover", rollover},
		{"cold", coldReaders},
		{"roles", manyRoles},
		{"agents", agents},
		{"handler", handler},
		{"memory", memory},
	}
	complete := true
	for _, part := range parts {
		ran := false
		b.Run(part.name, func(b *testing.B) {
			part.measure(b, vault, table)
			b.ReportMetric(0, "ns/op") // hides a line's figure that means nothing here
			ran = true
		})
		complete = complete && ran
	}
	require.NoError(b, table.Text(os.Stdout))
	if path := os.Getenv(documentVariable); path != "" && complete {
		require.NoError(b, table.WriteInto(path))
	}
}
