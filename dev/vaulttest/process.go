package vaulttest

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stopTime is how long a process may take to end when it is asked to.
const stopTime = 20 * time.Second

// process is a program in a process group of its own, which the programs that it starts belong to as well. It ends
// with the test at the latest.
type process struct {
	pid  int
	done chan struct{} // closed when it has ended
}

// startProcess appends what the program prints to the file at logPath. Its environment is env, a PATH and a home of its
// own alone, so that settings of whoever runs the tests don't reach it.
func startProcess(tb testing.TB, logPath string, env []string, name string, args ...string) *process {
	tb.Helper()
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(tb, err)
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	home := homeDir(tb)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}, env...)
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

// homeDir is also where a killed plugin leaves its socket. The test's own folder may be too long: a socket's path is
// limited to about 100 bytes.
func homeDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "vaulttest") //nolint:usetesting // its path is short
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
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
