package release

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilesMadeElsewhereAreReleasedAndSummedUp(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Extra = []string{filepath.Join(t.TempDir(), "client-1.2.3.tgz")}
	require.ErrorContains(t, Build(t.Context(), o), "adding a file to the release")
	write(t, o.Extra[0], "a package")
	require.NoError(t, Build(t.Context(), o))
	require.Equal(t, "a package", read(t, o.Out, "client-1.2.3.tgz"))
	require.Contains(t, read(t, o.Out, sumsFile), sum([]byte("a package"))+"  client-1.2.3.tgz\n")
}
