package e2e

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/release"
)

// released are the files of a release by name, made once for all tests that install it.
//
//nolint:gochecknoglobals // making it takes several seconds
var released struct {
	sync.Once

	files map[string][]byte
}

// release puts what users download, made for this machine, into the desk's folder.
func (d *desk) release() {
	d.t.Helper()
	released.Do(func() {
		dir := release.Build(d.t, d.t.TempDir(), installedVersion, []string{runtime.GOOS + "_" + runtime.GOARCH})
		entries, err := os.ReadDir(dir)
		require.NoError(d.t, err)
		files := make(map[string][]byte)
		for _, entry := range entries {
			files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name()))
			require.NoError(d.t, err)
		}
		released.files = files
	})
	require.NotEmpty(d.t, released.files, "making the release has failed in another test")
	for name, content := range released.files {
		require.NoError(d.t, os.WriteFile(filepath.Join(d.dir, name), content, 0o600))
	}
}
