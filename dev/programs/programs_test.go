package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// verdict is a test that notes how it was ended, and goes on.
type verdict struct {
	testing.TB

	skipped, failed string
}

func (v *verdict) Skipf(format string, args ...any)  { v.skipped = fmt.Sprintf(format, args...) }
func (v *verdict) Fatalf(format string, args ...any) { v.failed = fmt.Sprintf(format, args...) }

func TestATestThatLacksAProgramIsSkippedAndOnACIServerFails(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	const advice = "unzip isn't on the PATH: run make programs"
	t.Setenv("CI", "")
	developer := &verdict{TB: t}
	require.Empty(t, Find(developer, "unzip"))
	require.Equal(t, []string{advice, ""}, []string{developer.skipped, developer.failed})
	t.Setenv("CI", "true")
	server := &verdict{TB: t}
	require.Empty(t, Find(server, "unzip"))
	require.Equal(t, []string{"", advice}, []string{server.skipped, server.failed})
}

// installs is an apt-get that has every package, once its lists are there.
const installs = `#!/bin/sh
echo "apt-get $*" >>calls
case "$*" in
*update) touch lists ;;
*a-package) test -e lists && touch bin/wanted && chmod 755 bin/wanted ;;
esac
`

// machine is a folder with the script, a list and stand-ins for what the script asks of a machine.
type machine struct {
	t   *testing.T
	dir string
}

func newMachine(t *testing.T, user string) machine {
	t.Helper()
	m := machine{t: t, dir: t.TempDir()}
	script, err := os.ReadFile("../../scripts/programs.sh")
	require.NoError(t, err)
	m.write("scripts/programs.sh", string(script))
	m.write("dev/programs.txt", "# a comment\nthere bash cat\na-package wanted cat\n")
	m.write("bin/id", "#!/bin/sh\necho "+user+"\n")
	m.write("bin/sudo", "#!/bin/sh\nshift\nexec \"$@\"\n")
	m.write("bin/apt-get", installs)
	for _, name := range []string{"bash", "sh", "cat", "dirname", "env", "touch", "chmod"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(m.dir, "bin", name)))
	}
	return m
}

func (m machine) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(m.t, os.WriteFile(path, []byte(text), 0o700))
}

func (m machine) run(ci string) (said string, err error) {
	m.t.Helper()
	script := exec.CommandContext(m.t.Context(), "scripts/programs.sh")
	script.Dir, script.Env = m.dir, []string{"CI=" + ci, "PATH=" + filepath.Join(m.dir, "bin")}
	output, err := script.CombinedOutput()
	return string(output), err
}

func TestWhatIsMissingIsInstalledByRootAndOnACIServer(t *testing.T) {
	t.Parallel()
	for user, ci := range map[string]string{"0": "", "1000": "true"} {
		m := newMachine(t, user)
		said, err := m.run(ci)
		require.NoError(t, err, said)
		require.FileExists(t, filepath.Join(m.dir, "bin", "wanted"))
		calls, err := os.ReadFile(filepath.Join(m.dir, "calls"))
		require.NoError(t, err)
		require.Regexp(t, `^.* install .* a-package\n.* update\n.* install .* a-package\n$`, string(calls), "the lists are refreshed once")
		said, err = m.run(ci)
		require.NoError(t, err)
		require.Empty(t, said, "all is there")
	}
}

func TestWhoCannotInstallIsToldWhat(t *testing.T) {
	t.Parallel()
	const advice = "install Debian's a-package, or the same from elsewhere"
	developer := newMachine(t, "1000")
	said, err := developer.run("")
	require.NoError(t, err)
	require.Contains(t, said, advice)
	require.NoFileExists(t, filepath.Join(developer.dir, "calls"))

	server := newMachine(t, "0")
	server.write("bin/apt-get", "#!/bin/sh\necho no network >&2; exit 100\n")
	said, err = server.run("true")
	require.Error(t, err)
	require.Contains(t, said, "no network")
	require.Contains(t, said, advice)
}
