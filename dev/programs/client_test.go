package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheClientIsUncheckedWithoutNodeAndOnACIServerThatIsAFailure(t *testing.T) {
	t.Parallel()
	path := t.TempDir() // all that the script itself needs
	for _, name := range []string{"bash", "dirname"} {
		found, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(found, filepath.Join(path, name)))
	}
	for ci, fails := range map[string]bool{"": false, "true": true} {
		check := exec.CommandContext(t.Context(), "../../scripts/client.sh", "lint")
		check.Env = []string{"PATH=" + path, "CI=" + ci}
		var said strings.Builder
		check.Stderr = &said
		err := check.Run()
		require.Contains(t, said.String(), "NOT CHECKED")
		if fails {
			require.Error(t, err)
		} else {
			require.NoError(t, err)
		}
	}
}
