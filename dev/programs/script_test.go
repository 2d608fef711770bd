package programs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Stand-ins for what scripts/program.sh asks of a machine. BIN is the folder they are in.
const (
	root      = "echo 0"
	developer = "echo 1000"
	sudoes    = `shift; "$@"`
	// installs is an apt-get that has every package. What it leaves running must not hold the lock, which is at 9.
	installs = `if { : >&9; } 2>/dev/null; then echo "has the lock" >&2; exit 100; fi
[[ $* != *" wanted" ]] || { echo '#!/bin/sh' >"$BIN/wanted" && chmod 755 "$BIN/wanted"; }`
	// refreshes is one on a machine without lists of packages.
	refreshes = `if [[ $* == *update ]]; then touch "$BIN/../lists"; exit; fi
[[ -e $BIN/../lists ]] || { echo "E: Unable to locate package wanted" >&2; exit 100; }
` + installs
	// unreachable is one that reaches no server.
	unreachable = `echo "E: Could not resolve deb.example.com" >&2; exit 100`
	// alone is one that can't share the machine with another.
	alone = `mkdir "$BIN/../running" || { echo "E: Could not get lock" >&2; exit 100; }
sleep 0.05; rmdir "$BIN/../running"
` + installs
)

// machine is one whose commands are stand-ins.
type machine struct {
	t   *testing.T
	dir string
	env []string
}

func newMachine(t *testing.T, commands map[string]string, env ...string) machine {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("Debian's packages are for Linux")
	}
	m := machine{t: t, dir: t.TempDir()}
	bin := filepath.Join(m.dir, "bin")
	m.env = append(append(os.Environ(), "CI=", "BIN="+bin, "PATH="+bin+":"+os.Getenv("PATH")), env...)
	script, err := os.ReadFile("../../scripts/program.sh")
	require.NoError(t, err)
	m.write("scripts/program.sh", string(script))
	for name, text := range commands {
		m.write("bin/"+name, "#!/usr/bin/env bash\necho \""+name+" $*\" >>\"$BIN/../calls\"\n"+text+"\n")
	}
	return m
}

func (m machine) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(m.t, os.WriteFile(path, []byte(text), 0o700))
}

// find runs program.sh for a package and its commands.
func (m machine) find(arguments ...string) (stdout, stderr string, status int) {
	m.t.Helper()
	var out, errs strings.Builder
	script := exec.CommandContext(m.t.Context(), filepath.Join(m.dir, "scripts", "program.sh"), arguments...)
	script.Env, script.Stdout, script.Stderr = m.env, &out, &errs
	err := script.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), exit.ExitCode()
	}
	require.NoError(m.t, err)
	return out.String(), errs.String(), 0
}

// calls are the runs of stand-ins that did something.
func (m machine) calls(name string) []string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "calls"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(m.t, err)
	var calls []string
	for call := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(call, name+" "); ok {
			calls = append(calls, strings.TrimSpace(rest))
		}
	}
	return calls
}

func TestCommandsOnThePathAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	m := newMachine(t, map[string]string{"apt-get": installs, "id": root, "one": "", "other": ""})
	stdout, stderr, status := m.find("package", "one", "other")
	require.Equal(t, filepath.Join(m.dir, "bin", "one")+"\n"+filepath.Join(m.dir, "bin", "other")+"\n", stdout)
	require.Empty(t, stderr)
	require.Zero(t, status)
	require.Empty(t, m.calls("apt-get"))
}

const (
	refresh = "-qq -o DPkg::Lock::Timeout=300 update"
	install = "-qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends wanted"
)

func TestAMissingCommandIsInstalled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		commands map[string]string
		env      string
		calls    []string
	}{
		"by root":                  {map[string]string{"id": root, "apt-get": installs}, "", []string{install}},
		"by root of a new machine": {map[string]string{"id": root, "apt-get": refreshes}, "", []string{install, refresh, install}},
		"on a CI server by sudo":   {map[string]string{"id": developer, "apt-get": installs, "sudo": sudoes}, "CI=true", []string{install}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, c.commands, c.env)
			stdout, stderr, status := m.find("wanted", "wanted", "sh")
			require.Zero(t, status, stderr)
			paths := strings.Fields(stdout)
			require.Len(t, paths, 2)
			require.Equal(t, filepath.Join(m.dir, "bin", "wanted"), paths[0])
			require.Equal(t, c.calls, m.calls("apt-get"))
		})
	}
}

func TestWhoCannotInstallIsToldWhat(t *testing.T) {
	t.Parallel()
	advice := "not on the PATH: sh wanted. Debian's package is called a-package; install it"
	for name, c := range map[string]struct {
		commands map[string]string
		env, say string
		asked    bool // whether apt-get is
	}{
		"a developer":                     {map[string]string{"id": developer, "sudo": sudoes}, "", advice, false},
		"a CI server without a free sudo": {map[string]string{"id": developer, "sudo": "exit 1"}, "CI=true", advice, false},
		"root without a network": {
			map[string]string{"id": root, "apt-get": unreachable},
			"",
			"Could not resolve deb.example.com\nprogram.sh: Debian's a-package can't be installed, for the reason that apt-get gives above", true,
		},
		"root with another package": {map[string]string{"id": root}, "", "Debian's a-package has not all of: sh wanted", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.commands["apt-get"] == "" {
				c.commands["apt-get"] = installs
			}
			m := newMachine(t, c.commands, c.env)
			_, stderr, status := m.find("a-package", "sh", "wanted")
			require.Equal(t, 1, status)
			require.Contains(t, stderr, c.say)
			require.Equal(t, c.asked, m.calls("apt-get") != nil)
		})
	}
}

func TestCallersSideBySideInstallOneAfterTheOther(t *testing.T) {
	t.Parallel()
	m := newMachine(t, map[string]string{"id": root, "apt-get": alone})
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			_, stderr, status := m.find("wanted", "wanted")
			if status != 0 {
				t.Error(stderr)
			}
		})
	}
	callers.Wait()
}
