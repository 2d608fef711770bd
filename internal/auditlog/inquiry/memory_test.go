package inquiry_test

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

const (
	full = 101_000 // more than the largest table holds
	more = 20_000  // of which a hundred bytes each would show
)

// TestMemoryStaysFlatHoweverManyDifferentThingsALogNames floods each question until its tables are full, and then
// once more with what was never seen before. That a log may be long is BenchmarkLongLog's.
func TestMemoryStaysFlatHoweverManyDifferentThingsALogNames(t *testing.T) { //nolint:paralleltest // other tests' memory would be counted
	floods := map[string]struct {
		question func() inquiry.Question
		events   func(i int) []auditlog.Event
	}{
		"summary": {func() inquiry.Question { return inquiry.NewSummary(inquiry.Scope{}) }, everything},
		"readers": {func() inquiry.Question { return inquiry.NewReaders(inquiry.Scope{}, "t1") }, handings},
		"tokens":  {func() inquiry.Question { return inquiry.NewTokens(inquiry.Scope{}, "kim") }, tokensOfKim},
	}
	for name, flood := range floods { //nolint:paralleltest // as above
		t.Run(name, func(t *testing.T) {
			question := flood.question()
			add := func(from, to int) uint64 {
				for i := from; i < to; i++ {
					for _, e := range flood.events(i) {
						question.Add(e)
					}
				}
				return liveHeap()
			}
			before := liveHeap()
			filled := add(0, full)
			flooded := add(full, full+more)
			t.Logf("live heap: %d KiB, full %d KiB, flooded %d KiB", before>>10, filled>>10, flooded>>10)
			require.Less(t, flooded, filled+1<<20, "bytes")
			require.NotEmpty(t, question.Answer(auditlog.Stats{}).Sections) // keeps the question alive until here
		})
	}
}

// everything is an event of each kind, and nothing in them has been there before.
func everything(i int) []auditlog.Event {
	name := strconv.Itoa(i)
	all := []auditlog.Event{
		read(name, "token-"+name, i), wrap(name, "w-"+name, i), unwrap(name, "v-"+name, "token-"+name, i),
		open(name, "u-"+name, i), rewrap(name, "w-"+name, "x-"+name, i), event(auditlog.Unreadable, i),
		event(auditlog.ConfigChanged, i), event(auditlog.Failed, i), event(auditlog.Denied, i),
	}
	for k := range all {
		all[k].Reader, all[k].Role, all[k].Path = by(name), name, "token/"+name
	}
	return all
}

// handings are a read of the token by another reader through another role, and a rotation to it.
func handings(i int) []auditlog.Event {
	name := strconv.Itoa(i)
	handed, rotated := read(name, "t1", 0), event(auditlog.Rotated, 0)
	handed.Role = name
	rotated.Reader, rotated.Role, rotated.Token.ID = by(name), name, "t1"
	return []auditlog.Event{handed, rotated}
}

// tokensOfKim are another token that kim was handed, and another path that was refused.
func tokensOfKim(i int) []auditlog.Event {
	name := strconv.Itoa(i)
	denied := event(auditlog.Denied, i)
	denied.Path = "token/" + name
	return []auditlog.Event{read("kim", "token-"+name, i), denied}
}

// TestMemoryStaysSmallHoweverLongTheNamesInALogAre has a scanner read 1,500 entries whose paths take 96 MiB in all.
func TestMemoryStaysSmallHoweverLongTheNamesInALogAre(t *testing.T) { //nolint:paralleltest // other tests' memory would be counted
	const entries, length = 500, 64 << 10
	questions := []inquiry.Question{
		inquiry.NewSummary(inquiry.Scope{}), inquiry.NewTokens(inquiry.Scope{}, "kim"),
		inquiry.NewReaders(inquiry.Scope{}, auditlogtest.ID("t1")),
	}
	before := liveHeap()
	log, to := io.Pipe()
	go func() {
		long := strings.Repeat("x", length)
		for i := range entries {
			line := auditlogtest.Line{Time: noon(), Display: "kim", Policy: "p", Path: fmt.Sprint("itwin/token/", i, long)}
			handed, wrapped := line, line
			line.Policy, handed.Token, wrapped.Wrapping = "", "t1", fmt.Sprint("w", i)
			_, _ = to.Write(wrapped.Append(handed.Append(line.Append(nil)))) // a failing reader is the test's end
		}
		_ = to.Close()
	}()
	events := 0
	require.NoError(t, auditlog.NewScanner(auditlog.NewMounts()).Scan(log, func(e auditlog.Event) {
		for _, q := range questions {
			q.Add(e)
		}
		events++
	}))
	live := liveHeap()
	require.Equal(t, 3*entries, events)
	require.Less(t, live, before+3*entries*8<<10, "bytes")
	for _, q := range questions {
		require.True(t, q.Answer(auditlog.Stats{}).Found)
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
