package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cosignKey makes a key pair, and returns the paths of both.
func cosignKey(t *testing.T) (private, public string) {
	t.Helper()
	if _, err := exec.LookPath("cosign"); err != nil {
		t.Skip("there is no cosign on the PATH to sign with: install it (version 3)")
	}
	t.Setenv("COSIGN_PASSWORD", "of this test")
	t.Setenv("HOME", t.TempDir())
	prefix := filepath.Join(t.TempDir(), "key")
	ran(t, exec.CommandContext(t.Context(), "cosign", "generate-key-pair", "--output-key-prefix", prefix))
	return prefix + ".key", prefix + ".pub"
}

//nolint:paralleltest // the key's password is in the environment
func TestUsersCanTellByCosignWhoSignedTheSums(t *testing.T) {
	o := small(t)
	private, public := cosignKey(t)
	o.CosignKey = private
	require.NoError(t, Build(t.Context(), o))

	_, command, found := strings.Cut(read(t, o.Out, notesFile), "\n    cosign ")
	require.True(t, found)
	command, _, _ = strings.Cut(command, "\n")
	arguments := strings.Fields(strings.Replace(command, "cosign.pub", public, 1))
	// Cosign would fetch what it trusts of Sigstore's services, none of which has to do with a key of one's own.
	roots := filepath.Join(t.TempDir(), "roots.json")
	write(t, roots, `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)
	arguments = slices.Insert(arguments, 1, "--trusted-root", roots)
	verify := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "cosign", arguments...)
		cmd.Dir = o.Out
		return cmd
	}
	require.Contains(t, ran(t, verify()), "Verified OK")
	write(t, filepath.Join(o.Out, sumsFile), "forged\n")
	require.Error(t, verify().Run())
}

func TestAKeyThatCosignCannotOpenIsMissedAtOnce(t *testing.T) {
	o := small(t)
	o.CosignKey, _ = cosignKey(t)
	t.Setenv("COSIGN_PASSWORD", "wrong")
	write(t, filepath.Join(o.Root, "Makefile"), "build:\n\ttouch built\n")
	require.ErrorContains(t, Build(t.Context(), o), "opening the key, whose password COSIGN_PASSWORD holds")
	require.NotContains(t, list(t, o.Root), "built")
}

// standIn is a cosign that signs nothing: it writes down its arguments and the services it is to tell, and a bundle
// where it is to write one. A key called lost.key it can't open.
const standIn = `#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in *lost.key*) echo "no such key" >&2; exit 1;; esac
while [ $# -gt 1 ]; do
	case $1 in
	--signing-config) cat "$2" >>"$CALLS" && echo >>"$CALLS" ;;
	--bundle) echo signed >"$2" ;;
	esac
	shift
done
`

// standInCosign puts it on the PATH, and returns the file that it writes into.
func standInCosign(t *testing.T) (calls string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cosign"), []byte(standIn), 0o700))
	calls = filepath.Join(t.TempDir(), "calls")
	t.Setenv("CALLS", calls)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return calls
}

//nolint:paralleltest // the PATH is the process's
func TestCosignIsToldTheKeyTheFileAndNoService(t *testing.T) {
	calls := standInCosign(t)
	o := small(t)
	o.CosignKey = "release.key"
	require.NoError(t, Build(t.Context(), o))

	require.Equal(t, "signed\n", read(t, o.Out, sumsFile+".sigstore.json"))
	require.NotContains(t, read(t, o.Out, sumsFile), ".sigstore.json")
	require.Contains(t, read(t, o.Out, notesFile),
		"    cosign verify-blob --key cosign.pub --insecure-ignore-tlog --bundle SHA256SUMS.sigstore.json SHA256SUMS\n")
	told := strings.Split(strings.TrimSpace(read(t, calls)), "\n")
	require.Len(t, told, 3)
	require.Equal(t, "public-key --key release.key", told[0])
	require.Regexp(t, `^sign-blob --yes --key release\.key --signing-config \S+`+
		` --bundle \S+/SHA256SUMS\.sigstore\.json \S+/SHA256SUMS$`, told[1])
	require.JSONEq(t, noServices, told[2])
}

//nolint:paralleltest // the PATH is the process's
func TestAKeyThatCosignDoesNotHaveIsMissedBeforeAnythingIsBuilt(t *testing.T) {
	standInCosign(t)
	o := small(t)
	o.CosignKey = "lost.key"
	write(t, filepath.Join(o.Root, "Makefile"), "build:\n\ttouch built\n")
	err := Build(t.Context(), o)
	require.ErrorContains(t, err, "COSIGN_KEY=lost.key: opening the key, whose password COSIGN_PASSWORD holds")
	require.ErrorContains(t, err, "no such key")
	require.NotContains(t, list(t, o.Root), "built")
}
