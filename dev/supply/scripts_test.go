package supply

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheVersionTellsTheCommitByItsTag(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700))
	}
	run := func(command string) string {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
		cmd.Dir = dir
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", said)
		return strings.TrimSpace(string(said))
	}
	const (
		version = "scripts/version.sh"
		commit  = "git add . && git -c user.name=Test -c user.email=test@example.com commit --quiet --no-gpg-sign --allow-empty -m Change &&" +
			" git rev-parse --short HEAD"
	)
	write(version, read(t, version))
	write("sources/"+version, read(t, version))
	run("git init --quiet")
	tagged := run(commit)
	run("git tag something-else")
	require.Equal(t, "v0.1.0-dev", run(version), "there is no tag of a version")
	run("git tag v0.2.0-rc.1")
	require.Equal(t, "v0.2.0-rc.1", run(version))
	write(version, read(t, version)+"\n")
	require.Equal(t, "v0.2.0-rc.1+g"+tagged+".dirty", run(version))
	run(commit)
	require.Equal(t, "v0.2.0-rc.1+2.g"+run(commit), run(version))
	require.Equal(t, "v0.1.0-dev", run("sources/"+version), "another repository that the sources are in has a version of its own")
}

func TestACheckThatCouldNotBeMadeIsNeverAGoodOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		govulncheck string
		status      int
		says        string
	}{
		{"echo No vulnerabilities found.", 0, "No vulnerabilities found."},
		{"echo 'fetching vulnerabilities' >&2; exit 3", 3, "fetching"}, // what is found quotes a network error
		{"echo 'fetching vulnerabilities: no such host' >&2; exit 1", 4, "NOT CHECKED: the database"},
		{"echo half; kill -9 $$", 1, "NOT CHECKED: govulncheck itself failed"},
	} {
		path := filepath.Join(t.TempDir(), "govulncheck")
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+c.govulncheck+"\n"), 0o700))
		check := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", "vuln.sh"), path)
		said, _ := check.CombinedOutput() // the status is what counts
		require.Equal(t, c.status, check.ProcessState.ExitCode(), "%s", said)
		require.Contains(t, string(said), c.says)
	}
}
