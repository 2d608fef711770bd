package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// keyring makes a key that lives as long as the test, and is the only one that gpg finds.
func keyring(t *testing.T) (key string) {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("there is no gpg on the PATH to sign with: install it (Debian's package is called gnupg)")
	}
	home, err := os.MkdirTemp("", "gpg") //nolint:usetesting // t.TempDir's names are too long for the socket of gpg's agent
	require.NoError(t, err)
	t.Setenv("GNUPGHOME", home)
	t.Cleanup(func() {
		// The agent that gpg has started would outlive the test.
		require.NoError(t, exec.Command("gpgconf", "--kill", "all").Run())
		require.NoError(t, os.RemoveAll(home))
	})
	const name = "Releases <releases@example.com>"
	ran(t, exec.CommandContext(t.Context(), "gpg", "--batch", "--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never"))
	return name
}

//nolint:paralleltest // gpg's home is the process's
func TestUsersCanTellByGPGWhoSignedTheSums(t *testing.T) {
	o := small(t)
	o.GPGKey = keyring(t)
	var said strings.Builder
	o.Report = &said
	require.NoError(t, Build(t.Context(), o))

	notes := read(t, o.Out, notesFile)
	require.Contains(t, notes, "\n\n    gpg --verify SHA256SUMS.asc SHA256SUMS\n\n")
	require.NotContains(t, said.String()+notes, "ot signed")
	verify := exec.CommandContext(t.Context(), "gpg", "--verify", "SHA256SUMS.asc", "SHA256SUMS")
	verify.Dir = o.Out
	good := ran(t, verify)
	require.Contains(t, good, "Good signature")
	_, signedWith, _ := strings.Cut(good, "using EDDSA key ")
	require.Contains(t, notes, "OpenPGP key "+strings.Fields(signedWith)[0]+".")
	require.NotContains(t, read(t, o.Out, sumsFile), ".asc")

	sums := filepath.Join(o.Out, sumsFile)
	write(t, sums, "forged\n")
	require.Error(t, exec.CommandContext(t.Context(), "gpg", "--verify", sums+".asc", sums).Run())
}

//nolint:paralleltest // gpg's home is the process's
func TestAKeyThatGPGDoesNotHaveIsMissedAtOnce(t *testing.T) {
	o := small(t)
	keyring(t)
	o.GPGKey = "somebody@example.com"
	write(t, filepath.Join(o.Root, "Makefile"), "build:\n\ttouch built\n")
	err := Build(t.Context(), o)
	require.ErrorContains(t, err, "GPG_KEY=somebody@example.com: looking for the key, one of those that `gpg --list-secret-keys` lists")
	require.NotContains(t, list(t, o.Root), "built")
}

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
	verify := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "cosign", strings.Fields(strings.Replace(command, "cosign.pub", public, 1))...)
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

func TestSigningNeedsItsProgram(t *testing.T) {
	withGPG, withCosign := small(t), small(t)
	withGPG.GPGKey, withCosign.CosignKey = "somebody@example.com", "cosign.key"
	t.Setenv("PATH", t.TempDir())
	require.ErrorContains(t, Build(t.Context(), withGPG), "install gpg (Debian's package is called gnupg)")
	require.ErrorContains(t, Build(t.Context(), withCosign), "install cosign 3")
}
