package vaulttest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// stopTime is how long a process may take to end when it is asked to.
	stopTime = 20 * time.Second
	// pollInterval is how often Wait looks.
	pollInterval = 50 * time.Millisecond
)

var errAlive = errors.New("it is still there")

// process is a program in a process group of its own, which the programs that it starts belong to as well. It ends
// with the test at the latest.
type process struct {
	pid  int
	done chan struct{} // closed when it has ended
}

// startProcess appends what the program prints to the file at logPath. Its environment is a PATH and a home of its own
// alone, so that a developer's settings don't reach it.
func startProcess(tb testing.TB, logPath, name string, args ...string) *process {
	tb.Helper()
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(tb, err)
	// A killed plugin leaves its socket here; a path of more than about 100 bytes is too long for one.
	home, err := os.MkdirTemp("", "vaulttest") //nolint:usetesting // its path is short
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = os.RemoveAll(home) })
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(tb, cmd.Start())

	p := &process{pid: cmd.Process.Pid, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // a process that was killed reports that
		_ = log.Close()
		close(p.done)
	}()
	tb.Cleanup(p.kill)
	return p
}

// stop asks the process to end and kills what is left of its group.
func (p *process) stop() {
	_ = syscall.Kill(p.pid, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTime):
	}
	p.kill()
}

// kill ends the whole group at once, as a machine does that loses power. What has ended already is as good.
func (p *process) kill() {
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// output runs a command that must succeed and returns what it printed, without the line's end.
func output(tb testing.TB, cmd *exec.Cmd) string {
	tb.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	require.NoErrorf(tb, err, "running %v: %s", cmd.Args, &stderr)
	return strings.TrimSpace(string(stdout))
}

// PID is the process id of the server's current process.
func (s *Server) PID() int { return s.process.pid }

// PluginPIDs are the process ids of the plugin's processes that this server, or its cluster, runs.
func (s *Server) PluginPIDs(tb testing.TB, p Plugin) []int {
	tb.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(tb, err)
	require.NotEmpty(tb, paths, "processes are looked up in /proc, which only Linux has")
	var found []int
	for _, path := range paths {
		// A process that has just ended has no executable any more.
		if exe, err := os.Readlink(path); err == nil && exe == s.pluginPath(p) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			require.NoError(tb, err)
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
		Wait(tb, stopTime, "the plugin's process to be gone", func() error {
			if !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
				return errAlive
			}
			return nil
		})
	}
	return len(pids)
}

// Wait calls ready until it returns nil, and fails the test with its last error after the limit.
func Wait(tb testing.TB, limit time.Duration, what string, ready func() error) {
	tb.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoErrorf(tb, err, "waiting %s for %s", limit, what)
		}
		time.Sleep(pollInterval)
	}
}
