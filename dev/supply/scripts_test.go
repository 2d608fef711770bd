package supply

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkout is a folder that has nothing but scripts/version.sh.
type checkout struct {
	t   *testing.T
	dir string
}

func newCheckout(t *testing.T, dir string) checkout {
	t.Helper()
	c := checkout{t: t, dir: dir}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "scripts"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "scripts", "version.sh"), []byte(read(t, "scripts/version.sh")), 0o700))
	return c
}

func (c checkout) run(name string, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), name, args...)
	cmd.Dir = c.dir
	said, err := cmd.CombinedOutput()
	require.NoError(c.t, err, "%s", said)
	return strings.TrimSpace(string(said))
}

// commit makes one of everything there is, and returns its short hash.
func (c checkout) commit() string {
	c.t.Helper()
	c.run("git", "add", ".")
	identity := []string{"-c", "user.name=Test", "-c", "user.email=test@example.com"}
	c.run("git", append(identity, "commit", "--quiet", "--no-gpg-sign", "--allow-empty", "--message", "Change")...)
	return c.run("git", "rev-parse", "--short", "HEAD")
}

func TestTheVersionTellsTheCommitByItsTag(t *testing.T) {
	t.Parallel()
	c := newCheckout(t, t.TempDir())
	version := func() string { return c.run("scripts/version.sh") }
	c.run("git", "init", "--quiet")
	tagged := c.commit()
	c.run("git", "tag", "something-else")
	require.Equal(t, "v0.1.0-dev", version(), "there is no tag of a version")
	c.run("git", "tag", "v0.2.0-rc.1")
	require.Equal(t, "v0.2.0-rc.1", version())
	require.NoError(t, os.WriteFile(filepath.Join(c.dir, "new"), nil, 0o600))
	c.run("git", "add", ".")
	require.Equal(t, "v0.2.0-rc.1+g"+tagged+".dirty", version())
	c.commit()
	require.Equal(t, "v0.2.0-rc.1+2.g"+c.commit(), version())

	sources := newCheckout(t, filepath.Join(c.dir, "sources"))
	require.Equal(t, "v0.1.0-dev", sources.run("scripts/version.sh"), "that of another repository that they are in")
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
