package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/release"
)

func TestArgumentsAreOptions(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	o, err := parse([]string{"-root", "/product", "-version", "v1.2.3", "-out", "/files", "-platforms", "linux/amd64,linux/arm64"}, &said)
	require.NoError(t, err)
	require.Equal(t, release.Options{
		Root: "/product", Version: "v1.2.3", Out: "/files", Platforms: []string{"linux/amd64", "linux/arm64"}, Report: &said,
	}, o)
}

func TestAReleaseLandsInDist(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-root", "/product", "-version", "v1.2.3"}, &bytes.Buffer{})
	require.NoError(t, err)
	require.Equal(t, filepath.FromSlash("/product/dist/v1.2.3"), o.Out)
	require.Empty(t, o.Platforms)
}

func TestKeysComeFromTheEnvironment(t *testing.T) {
	t.Setenv("GPG_KEY", "releases@example.com")
	t.Setenv("COSIGN_KEY", "cosign.key")
	o, err := parse(nil, &bytes.Buffer{})
	require.NoError(t, err)
	require.Equal(t, "releases@example.com", o.GPGKey)
	require.Equal(t, "cosign.key", o.CosignKey)
}

func TestAMistypedArgumentIsNoRelease(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(t.Context(), []string{"v1.2.3"}, &bytes.Buffer{}), `"v1.2.3" is no option: see -h`)
}

func TestMakeReleaseWantsAVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ argument, says string }{
		"none, though make build has one": {"-s", "release: VERSION is missing: run `make release VERSION=v1.2.3`"},
		"one without a v":                 {"VERSION=1.2.3", `release: VERSION "1.2.3" is not a SemVer with a leading v`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), "make", "-C", filepath.Join("..", "..", ".."), "release", c.argument)
			// What an outer make was told isn't meant for this one.
			command.Env = slices.DeleteFunc(command.Environ(), func(entry string) bool {
				return strings.HasPrefix(entry, "MAKE") || strings.HasPrefix(entry, "VERSION=")
			})
			said, err := command.CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(said), c.says)
		})
	}
}
