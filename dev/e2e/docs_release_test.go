package e2e

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/release"
)

// releases are made once each, for all tests that install one: the files by name.
//
//nolint:gochecknoglobals // making one takes several seconds
var releases = map[string]*struct {
	once  sync.Once
	files map[string][]byte
}{installedVersion: {}, nextVersion: {}}

// release puts what users download of a version, made for this machine, into the desk's folder, in the place of
// another version's.
func (d *desk) release(version string) {
	d.t.Helper()
	r := releases[version]
	r.once.Do(func() {
		dir := release.Build(d.t, d.t.TempDir(), version, runtime.GOOS+"_"+runtime.GOARCH)
		r.files = make(map[string][]byte)
		files, err := os.ReadDir(dir)
		require.NoError(d.t, err)
		for _, file := range files {
			r.files[file.Name()], err = os.ReadFile(filepath.Join(dir, file.Name()))
			require.NoError(d.t, err)
		}
	})
	d.clearReleases()
	require.NotEmpty(d.t, r.files, "making the release has failed in another test")
	for name, content := range r.files {
		require.NoError(d.t, os.WriteFile(filepath.Join(d.dir, name), content, 0o600))
	}
}

// clearReleases removes what pages would take for the version at hand.
func (d *desk) clearReleases() {
	d.t.Helper()
	for _, pattern := range []string{"*.zip", "SHA256SUMS*"} {
		found, err := filepath.Glob(filepath.Join(d.dir, pattern))
		require.NoError(d.t, err)
		for _, path := range found {
			require.NoError(d.t, os.Remove(path))
		}
	}
}
