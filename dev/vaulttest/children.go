package vaulttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// PID is the process id of the server's current process.
func (s *Server) PID() int { return s.process.pid }

// PluginPIDs are the process ids of the plugin's processes that this server runs.
func (s *Server) PluginPIDs(tb testing.TB, p Plugin) []int {
	tb.Helper()
	want := filepath.Join(s.pluginDir, filepath.Base(p.Path))
	var found []int
	for _, pid := range children(tb, s.process.pid) {
		// A process that has just ended has no executable any more.
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && exe == want {
			found = append(found, pid)
		}
	}
	return found
}

// KillPlugin kills the plugin's processes, as the kernel does when memory is short, waits until they are gone and
// returns how many there were.
func (s *Server) KillPlugin(tb testing.TB, p Plugin) int {
	tb.Helper()
	pids := s.PluginPIDs(tb, p)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // one that has just ended is as good
	}
	Wait(tb, stopTime, "the plugin's processes to be gone", func() error {
		for _, pid := range pids {
			if slices.Contains(s.PluginPIDs(tb, p), pid) {
				return fmt.Errorf("process %d is still there", pid)
			}
		}
		return nil
	})
	return len(pids)
}

func children(tb testing.TB, parent int) []int {
	tb.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(tb, err)
	require.NotEmpty(tb, stats, "processes are looked up in /proc, which only Linux has")
	var found []int
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		require.NoError(tb, err)
		if parentOf(path) == parent {
			found = append(found, pid)
		}
	}
	return found
}

// parentOf reads proc_pid_stat(5): the parent's id is the second field after the name, which is in brackets and may
// hold anything. It is 0 for a process that has just ended.
func parentOf(statPath string) int {
	stat, err := os.ReadFile(statPath)
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}
