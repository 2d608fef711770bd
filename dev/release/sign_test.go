package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

// keyring makes a key that lives as long as the test, and is the only one that gpg finds.
func keyring(t *testing.T) (key string) {
	t.Helper()
	programs.Find(t, "gnupg", "gpg")
	t.Setenv("LC_ALL", "C")              // what it says is read
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

func TestSigningNeedsItsProgram(t *testing.T) {
	withGPG, withCosign := small(t), small(t)
	withGPG.GPGKey, withCosign.CosignKey = "somebody@example.com", "cosign.key"
	t.Setenv("PATH", t.TempDir())
	require.ErrorContains(t, Build(t.Context(), withGPG), "install gpg (Debian's package is called gnupg)")
	require.ErrorContains(t, Build(t.Context(), withCosign), "install cosign 3")
}
