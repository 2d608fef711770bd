package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tick is the unit of processor time in /proc: Linux shows 100 to a second whatever it counts itself.
const tick = 10 * time.Millisecond

// cpu is the processor time that Vault and the plugins have taken so far.
func (s *stage) cpu(b *testing.B) time.Duration {
	b.Helper()
	var total time.Duration
	for _, pid := range s.serving {
		total += cpuOf(b, pid)
	}
	return total
}

// cpuOf reads proc_pid_stat(5): the 14th and 15th fields are the time in user and kernel mode. The second is a name in
// brackets that may hold anything, so fields are counted from its end.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat := procFile(b, pid, "stat")
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	require.NoError(b, err)
	kernel, err := strconv.ParseInt(string(fields[12]), 10, 64)
	require.NoError(b, err)
	return time.Duration(user+kernel) * tick
}

// resident is the resident memory of the product's process, in bytes.
func (s *stage) resident(b *testing.B) int64 {
	b.Helper()
	pids := s.server.PluginPIDs(b, s.product)
	require.Len(b, pids, 1, "one process serves all mounts")
	_, rest, found := strings.Cut(string(procFile(b, pids[0], "status")), "VmRSS:")
	require.True(b, found)
	kibibytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	require.NoError(b, err)
	return kibibytes << 10
}

func procFile(b *testing.B, pid int, name string) []byte {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
	require.NoError(b, err)
	return text
}

func mebibytes(size int64) string { return fmt.Sprintf("%.0f MiB", float64(size)/(1<<20)) }
