package auditlog_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

// BenchmarkScan states how much faster a scan is than a plain loop of encoding/json
// into a map over the same lines: "ratio".
func BenchmarkScan(b *testing.B) {
	for name, others := range map[string]int{"only iTwin reads": 0, "one line in ten is iTwin's": 9} {
		b.Run(name, func(b *testing.B) {
			var log bytes.Buffer
			workload := auditlogtest.Workload{
				Begin: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Lines: 10_000, Every: time.Second, Readers: 50, Roles: 5, Others: others,
			}
			_, err := workload.WriteTo(&log)
			require.NoError(b, err)
			b.SetBytes(int64(log.Len()))
			// In turns, so that a busy machine slows both alike.
			var plain time.Duration
			for b.Loop() {
				scanner := auditlog.NewScanner(auditlog.NewMounts())
				require.NoError(b, scanner.Scan(bytes.NewReader(log.Bytes()), func(auditlog.Event) {}))
				b.StopTimer()
				start := time.Now()
				plainLoop(b, log.Bytes())
				plain += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(plain)/float64(b.Elapsed()), "ratio")
			b.ReportMetric(float64(workload.Lines*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

func plainLoop(tb testing.TB, log []byte) {
	tb.Helper()
	lines := bufio.NewScanner(bytes.NewReader(log))
	for lines.Scan() {
		var entry map[string]any
		require.NoError(tb, json.Unmarshal(lines.Bytes(), &entry))
	}
	require.NoError(tb, lines.Err())
}
