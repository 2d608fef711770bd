package inquiry_test

import (
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// TestMemoryStaysFlatOverALongLog asks all questions at once of a log that spans
// two years, and looks at the live heap on the way.
func TestMemoryStaysFlatOverALongLog(t *testing.T) { //nolint:paralleltest // other tests' memory would be counted
	if testing.Short() {
		t.Skip("half a million lines take seconds")
	}
	const lines = 500_000 // the end-to-end tests read two million, from a real log
	begin := noon().AddDate(-2, 0, 0)
	questions := []inquiry.Question{
		inquiry.NewSummary(inquiry.Window{Since: begin.AddDate(1, 0, 0)}), inquiry.NewReaders(inquiry.Window{}, "unknown"),
		inquiry.NewTokens(inquiry.Window{}, "reader3"),
	}
	log, to := io.Pipe()
	go func() {
		workload := auditlogtest.Workload{Begin: begin, Lines: lines, Every: 4 * time.Minute, Readers: 200, Roles: 12, Others: 5}
		_, err := workload.WriteTo(to)
		to.CloseWithError(err)
	}()
	var heaps []uint64
	events := 0
	scanner := auditlog.NewScanner(auditlog.NewMounts())
	require.NoError(t, scanner.Scan(log, func(e auditlog.Event) {
		for _, q := range questions {
			q.Add(e)
		}
		events++
		if events%12_500 == 0 {
			heaps = append(heaps, liveHeap())
		}
	}))
	require.Equal(t, int64(lines), scanner.Stats().Lines)
	require.Zero(t, scanner.Stats().Damaged)
	require.Greater(t, len(heaps), 8)
	for _, heap := range heaps {
		require.Less(t, heap, uint64(64<<20), "live heaps in bytes: %v", heaps)
	}
	t.Logf("live heap after each 12,500 events: %d MiB to %d MiB", heaps[0]>>20, heaps[len(heaps)-1]>>20)
	for _, q := range questions {
		require.NotZero(t, q.Answer().Log.Events)
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
