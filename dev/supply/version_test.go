package supply

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkout is a repository that has nothing but scripts/version.sh.
type checkout struct {
	t   *testing.T
	dir string
}

func newCheckout(t *testing.T, dir string) checkout {
	t.Helper()
	c := checkout{t: t, dir: dir}
	script, err := os.ReadFile(filepath.Join(root, "scripts", "version.sh"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "scripts"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "scripts", "version.sh"), script, 0o700))
	return c
}

func (c checkout) git(args ...string) string {
	c.t.Helper()
	identity := []string{
		"-c", "user.name=Test", "-c", "user.email=test@example.com",
		"-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false",
	}
	git := exec.CommandContext(c.t.Context(), "git", append(identity, args...)...)
	git.Dir = c.dir
	said, err := git.CombinedOutput()
	require.NoError(c.t, err, "%s", said)
	return strings.TrimSpace(string(said))
}

// commit makes one of everything there is, and returns its short hash.
func (c checkout) commit() string {
	c.t.Helper()
	c.git("add", ".")
	c.git("commit", "--quiet", "--allow-empty", "--message", "Change")
	return c.git("rev-parse", "--short", "HEAD")
}

func (c checkout) version() string {
	c.t.Helper()
	said, err := exec.CommandContext(c.t.Context(), filepath.Join(c.dir, "scripts", "version.sh")).Output()
	require.NoError(c.t, err)
	return strings.TrimSpace(string(said))
}

func TestTheVersionTellsTheCommitByItsTag(t *testing.T) {
	t.Parallel()
	c := newCheckout(t, t.TempDir())
	c.git("init", "--quiet")
	c.commit()
	require.Equal(t, "v0.1.0-dev", c.version(), "there is no tag")
	c.git("tag", "something-else")
	require.Equal(t, "v0.1.0-dev", c.version(), "nor one of a version")

	c.git("tag", "v0.2.0-rc.1")
	require.Equal(t, "v0.2.0-rc.1", c.version())
	changed := filepath.Join(c.dir, "scripts", "version.sh")
	script, err := os.ReadFile(changed)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(changed, append(script, '\n'), 0o700))
	require.Equal(t, "v0.2.0-rc.1+g"+c.git("rev-parse", "--short", "HEAD")+".dirty", c.version())

	c.commit()
	require.Equal(t, "v0.2.0-rc.1+2.g"+c.commit(), c.version())
}

func TestSourcesInAnotherRepositoryHaveNotItsVersion(t *testing.T) {
	t.Parallel()
	other := newCheckout(t, t.TempDir())
	other.git("init", "--quiet")
	other.commit()
	other.git("tag", "v9.9.9")
	require.Equal(t, "v0.1.0-dev", newCheckout(t, filepath.Join(other.dir, "sources")).version())
}
