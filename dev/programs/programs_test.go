package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// verdict is a test that notes how it was ended, and goes on.
type verdict struct {
	testing.TB

	skipped, failed []any
}

func (v *verdict) Skip(why ...any)  { v.skipped = why }
func (v *verdict) Fatal(why ...any) { v.failed = why }

func TestATestThatLacksAProgramIsSkippedAndOnACIServerFails(t *testing.T) {
	poor := t.TempDir() // all that the script itself needs, and no apt-get
	for _, name := range []string{"bash", "dirname", "id"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(poor, name)))
	}
	t.Setenv("PATH", poor)
	const advice = "program.sh: not on the PATH: wanted. Debian's package is called a-package; install it, or the same from elsewhere\n"
	for ci, want := range map[string]verdict{
		"":     {skipped: []any{advice}},
		"true": {failed: []any{advice}},
	} {
		t.Setenv("CI", ci)
		got := &verdict{TB: t}
		require.Empty(t, Find(got, "a-package", "wanted"))
		require.Equal(t, want.skipped, got.skipped, "CI=%s", ci)
		require.Equal(t, want.failed, got.failed, "CI=%s", ci)
	}
}

func TestWhatIsOnThePathIsFound(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	require.NoError(t, err)
	require.Equal(t, []string{sh}, Find(t, "dash", "sh"))
}
