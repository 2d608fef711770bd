package bench

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// audit measures the memory that itwin-audit takes for logs that were made to exhaust it.
func audit(t *testing.T, _ *stage, results *table) {
	t.Helper()
	const (
		full = 101_000 // more than the largest of its tables holds
		more = 20_000  // a hundred bytes of each would show
		mib  = 1 << 20
	)
	ask, before := everyQuestion(), heap()
	flood(ask, 0, full)
	filled := heap()
	flood(ask, full, full+more)
	results.figure("itwin-audit, all names in a log differ: memory beyond full tables", atMost(1), (heap()-filled)/mib, "MiB",
		fmt.Sprintf("heap; full: %.0f MiB", (filled-before)/mib))
	runtime.KeepAlive(ask)

	held := func(name string, goal target, log func(to io.Writer) error) {
		ask, before := everyQuestion(), heap()
		require.NoError(t, auditlog.NewScanner(auditlog.NewMounts()).Scan(piped(log), ask))
		results.figure("itwin-audit, "+name+": memory", goal, (heap()-before)/mib, "MiB", "heap")
		runtime.KeepAlive(ask)
	}
	held("500,000 lines of a busy Vault", atMost(64), busyVault)
	held("1,500 lines with names of 64 KiB", atMost(12), longNames)

	var most uint64
	for _, padding := range []string{"x", `\u003c`, `":1,"x`, `":"x","x`, `":[],"x`} {
		most = max(most, allocatedForLongLine(t, padding))
	}
	results.figure("itwin-audit, a line of 24 MiB: memory", atMost(4), float64(most)/mib, "MiB",
		"all that is ever allocated, the most of five kinds of lines")
}

// everyQuestion returns a function that asks all questions of an event.
func everyQuestion() func(auditlog.Event) {
	questions := []inquiry.Question{
		inquiry.NewSummary(inquiry.Scope{}), inquiry.NewTokens(inquiry.Scope{}, "kim"),
		inquiry.NewReaders(inquiry.Scope{}, auditlogtest.ID("t1")),
	}
	return func(e auditlog.Event) {
		for _, question := range questions {
			question.Add(e)
		}
	}
}

// flood asks of events of each kind that name by number what was never named before.
func flood(ask func(auditlog.Event), from, to int) {
	for i := from; i < to; i++ {
		name := strconv.Itoa(i)
		e := auditlog.Event{
			Time: noon().Add(time.Duration(i) * time.Minute), Operation: "read", Mount: "itwin/", Path: "token/" + name, Role: name,
			Reader: auditlog.Reader{Name: name}, Made: []string{"made " + name}, Opened: []string{"opened " + name},
		}
		for _, e.Kind = range []auditlog.Kind{
			auditlog.Wrapped, auditlog.Rewrapped, auditlog.ConfigChanged, auditlog.Denied, auditlog.Failed, auditlog.Unreadable,
		} {
			ask(e)
		}
		for _, id := range []string{name, auditlogtest.ID("t1")} {
			e.Token = auditlog.Token{ID: id, Access: id}
			for _, e.Kind = range []auditlog.Kind{auditlog.Read, auditlog.Unwrapped, auditlog.Rotated} {
				ask(e)
			}
		}
		e.Reader.Name, e.Token.ID = "kim", name
		for _, e.Kind = range []auditlog.Kind{auditlog.Denied, auditlog.Read} {
			ask(e)
		}
	}
}

// piped is a log that is written while it is read.
func piped(write func(io.Writer) error) io.Reader {
	log, pipe := io.Pipe()
	go func() { pipe.CloseWithError(write(pipe)) }()
	return log
}

// busyVault writes a log of two years.
func busyVault(to io.Writer) error {
	_, err := auditlogtest.Workload{
		Begin: noon(), Lines: 500_000, Every: 4 * time.Minute, Readers: 200, Roles: 12, Others: 5,
	}.WriteTo(to)
	return err
}

// longNames writes a log whose paths take 96 MiB in all.
func longNames(to io.Writer) error {
	long := strings.Repeat("x", 64<<10)
	for i := range 500 {
		denied := auditlogtest.Line{Time: noon(), Display: "kim", Path: fmt.Sprint("itwin/token/", i, long)}
		read, wrapped := denied, denied
		read.Policy, read.Token = "p", "t1"
		wrapped.Policy, wrapped.Wrapping = "p", fmt.Sprint("w", i)
		if _, err := to.Write(wrapped.Append(read.Append(denied.Append(nil)))); err != nil {
			return err
		}
	}
	return nil
}

// allocatedForLongLine is in bytes.
func allocatedForLongLine(t *testing.T, padding string) uint64 {
	t.Helper()
	short := auditlogtest.Line{Time: noon(), Display: "kim", Policy: "p", Path: "itwin/token", Token: "t1"}
	long := short
	long.Body = `{"` + strings.Repeat(padding, 24<<20/len(padding)) + `":1}`
	log := bytes.NewReader(long.Append(short.Append(nil)))
	var events []auditlog.Event
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, auditlog.NewScanner(auditlog.NewMounts()).Scan(log, func(e auditlog.Event) { events = append(events, e) }))
	runtime.ReadMemStats(&after)
	require.Len(t, events, 2, padding)
	require.Equal(t, events[0], events[1])
	return after.TotalAlloc - before.TotalAlloc
}

func noon() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }
