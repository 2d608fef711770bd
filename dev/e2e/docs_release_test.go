package e2e

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/release"
)

// releases are made once for each version, for all tests that install one: the files by name.
//
//nolint:gochecknoglobals // making one takes several seconds
var releases = struct {
	sync.Mutex

	files map[string]map[string][]byte
}{files: make(map[string]map[string][]byte)}

// release puts what users download of a version, made for this machine, into the desk's folder, in the place of
// another version's.
func (d *desk) release(version string) {
	d.t.Helper()
	releases.Lock()
	defer releases.Unlock()
	if releases.files[version] == nil {
		dir := release.Build(d.t, d.t.TempDir(), version, []string{runtime.GOOS + "_" + runtime.GOARCH})
		files := make(map[string][]byte)
		entries, err := os.ReadDir(dir)
		require.NoError(d.t, err)
		for _, entry := range entries {
			files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name()))
			require.NoError(d.t, err)
		}
		releases.files[version] = files
	}
	others, err := filepath.Glob(filepath.Join(d.dir, "*.zip"))
	require.NoError(d.t, err)
	for _, path := range others {
		require.NoError(d.t, os.Remove(path))
	}
	for name, content := range releases.files[version] {
		require.NoError(d.t, os.WriteFile(filepath.Join(d.dir, name), content, 0o600))
	}
}
