package inquiry_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// BenchmarkLongLog asks all questions at once of half a million lines, two years of a
// busy Vault, and states the most memory that was live on the way.
func BenchmarkLongLog(b *testing.B) {
	const lines = 500_000
	begin := noon().AddDate(-2, 0, 0)
	var peak uint64
	for b.Loop() {
		questions := []inquiry.Question{
			inquiry.NewSummary(inquiry.Scope{Since: begin.AddDate(1, 0, 0)}), inquiry.NewReaders(inquiry.Scope{}, "unknown"),
			inquiry.NewTokens(inquiry.Scope{}, "reader3"),
		}
		log, to := io.Pipe()
		go func() {
			workload := auditlogtest.Workload{Begin: begin, Lines: lines, Every: 4 * time.Minute, Readers: 200, Roles: 12, Others: 5}
			_, err := workload.WriteTo(to)
			to.CloseWithError(err)
		}()
		events := 0
		scanner := auditlog.NewScanner(auditlog.NewMounts())
		require.NoError(b, scanner.Scan(log, func(e auditlog.Event) {
			for _, q := range questions {
				q.Add(e)
			}
			events++
			if events%12_500 == 0 {
				peak = max(peak, liveHeap())
			}
		}))
		read := scanner.Stats()
		require.Equal(b, int64(lines), read.Lines)
		require.Zero(b, read.Damaged)
		for _, q := range questions {
			require.NotZero(b, q.Answer(read).Log.Events)
		}
	}
	require.Less(b, peak, uint64(64<<20), "bytes")
	b.ReportMetric(float64(peak)/(1<<20), "live-MiB")
	b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "lines/s")
}
