package e2e

import (
	"os"
	"path/filepath"
	"runtime"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/release"
)

// release puts what users download of a version, made for this machine, into the desk's folder, in the place of
// another version's.
func (d *desk) release(version string) {
	d.t.Helper()
	out := filepath.Join(d.t.TempDir(), version)
	require.NoError(d.t, release.Build(d.t.Context(), release.Options{
		Root: d.repository(), Version: version, Out: out, AllowUncommitted: true,
		Platforms: []string{runtime.GOOS + "/" + runtime.GOARCH},
	}))
	d.clearReleases()
	files, err := os.ReadDir(out)
	require.NoError(d.t, err)
	for _, file := range files {
		require.NoError(d.t, copyFile(filepath.Join(out, file.Name()), filepath.Join(d.dir, file.Name())))
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
