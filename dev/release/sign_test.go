package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

func TestWithoutAKeyUsersAreToldThatNobodySigned(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	said := d.mustRelease()
	require.Contains(t, said, "release: not signed: ")
	require.Contains(t, said, "`make release VERSION=v1.2.3 GPG_KEY=<key id>`")
	require.Contains(t, said, "`make release VERSION=v1.2.3 COSIGN_KEY=<file or URI>`")
	require.Contains(t, read(t, d.dir, "dist", "v1.2.3", "release-notes.md"), "Not signed: ")
}

// keyring makes a key that lives as long as the test, and is the only one in gpg's home.
func keyring(t *testing.T) (home, key string) {
	t.Helper()
	programs.Find(t, "gpg")
	home, err := os.MkdirTemp("", "gpg") //nolint:usetesting // t.TempDir's names are too long for the socket of gpg's agent
	require.NoError(t, err)
	t.Cleanup(func() {
		// The agent that gpg has started would outlive the test.
		require.NoError(t, exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run())
		require.NoError(t, os.RemoveAll(home))
	})
	const name = "Releases <releases@example.com>"
	ran(t, home, "gpg", "--homedir", home, "--batch", "--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")
	return home, name
}

func TestUsersCanTellByGPGWhoSignedTheSums(t *testing.T) {
	t.Parallel()
	home, key := keyring(t)
	d := newDesk(t)
	said := d.mustRelease("GNUPGHOME="+home, "GPG_KEY="+key)

	out := filepath.Join(d.dir, "dist", "v1.2.3")
	notes := read(t, out, "release-notes.md")
	require.Contains(t, notes, "\n\n    gpg --verify SHA256SUMS.asc SHA256SUMS\n\n")
	require.NotContains(t, said+notes, "ot signed")
	require.NotContains(t, read(t, out, "SHA256SUMS"), ".asc")
	good := ran(t, out, "env", "LC_ALL=C", "gpg", "--homedir", home, "--verify", "SHA256SUMS.asc", "SHA256SUMS")
	require.Contains(t, good, "Good signature")
	_, signedWith, _ := strings.Cut(good, "using EDDSA key ")
	require.Contains(t, notes, "OpenPGP key "+strings.Fields(signedWith)[0]+".")
	d.write("dist/v1.2.3/SHA256SUMS", "forged\n")
	sums := filepath.Join(out, "SHA256SUMS")
	require.Error(t, exec.CommandContext(t.Context(), "gpg", "--homedir", home, "--verify", sums+".asc", sums).Run())
}

func TestAKeyThatCannotBeUsedIsMissedBeforeAnythingIsBuilt(t *testing.T) {
	t.Parallel()
	home, _ := keyring(t)
	d := newDesk(t)
	d.mustRefuse("GPG_KEY=somebody@example.com is not one of the keys that `gpg --list-secret-keys` lists",
		"GNUPGHOME="+home, "GPG_KEY=somebody@example.com")
	calls := d.standInCosign()
	d.mustRefuse("COSIGN_KEY=lost.key can't be opened; COSIGN_PASSWORD holds its password", append(calls, "COSIGN_KEY=lost.key")...)
}

func TestSigningNeedsItsProgram(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, name := range []string{"bash", "dirname", "go"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(d.dir, "poor"), 0o700))
		require.NoError(t, os.Symlink(path, filepath.Join(d.dir, "poor", name)))
	}
	path := "PATH=" + filepath.Join(d.dir, "poor")
	d.mustRefuse("install Debian's gnupg", path, "GPG_KEY=somebody@example.com")
	d.mustRefuse("needs cosign 3: install it", path, "COSIGN_KEY=cosign.key")
}

// standIn is a cosign that signs nothing: it writes down its arguments and the services it is to tell, and a bundle
// where it is to write one. A key called lost.key it can't open.
const standIn = `#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in *lost.key*) exit 1;; esac
while [ $# -gt 1 ]; do
	case $1 in
	--signing-config) cat "$2" >>"$CALLS" ;;
	--bundle) echo signed >"$2" ;;
	esac
	shift
done
`

// standInCosign returns the environment in which it is found.
func (d desk) standInCosign() []string {
	d.t.Helper()
	d.write("tools/cosign", standIn)
	return []string{
		"CALLS=" + filepath.Join(d.t.TempDir(), "calls"),
		"PATH=" + filepath.Join(d.dir, "tools") + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
}

func TestCosignIsToldTheKeyTheFileAndNoService(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	calls := d.standInCosign()
	d.mustRelease(append(calls, "COSIGN_KEY=release.key")...)
	out := filepath.Join(d.dir, "dist", "v1.2.3")
	require.Equal(t, "signed\n", read(t, out, "SHA256SUMS.sigstore.json"))
	require.Contains(t, read(t, out, "release-notes.md"),
		"    cosign verify-blob --key cosign.pub --insecure-ignore-tlog --bundle SHA256SUMS.sigstore.json SHA256SUMS\n")
	told := strings.Split(strings.TrimSpace(read(t, strings.TrimPrefix(calls[0], "CALLS="))), "\n")
	require.Len(t, told, 3)
	require.Equal(t, "public-key --key release.key", told[0])
	require.Regexp(t, `^sign-blob --yes --key release\.key --signing-config \S+`+
		` --bundle \S+/SHA256SUMS\.sigstore\.json \S+/SHA256SUMS$`, told[1])
	require.JSONEq(t, `{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json", "rekorTlogConfig": {}, "tsaConfig": {}}`, told[2])
}

func TestUsersCanTellByCosignWhoSignedTheSums(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("cosign"); err != nil {
		t.Skip("there is no cosign on the PATH to sign with: install it (version 3)")
	}
	d, home := newDesk(t), t.TempDir()
	environment := []string{"HOME=" + home, "COSIGN_PASSWORD=of this test", "COSIGN_KEY=" + filepath.Join(home, "key.key")}
	ran(t, home, "env", append(environment[:2:2], "cosign", "generate-key-pair", "--output-key-prefix", "key")...)
	d.mustRelease(environment...)

	out := filepath.Join(d.dir, "dist", "v1.2.3")
	_, command, _ := strings.Cut(read(t, out, "release-notes.md"), "\n    cosign ")
	command, _, _ = strings.Cut(command, "\n")
	arguments := strings.Fields(strings.Replace(command, "cosign.pub", filepath.Join(home, "key.pub"), 1))
	// Cosign would fetch what it trusts of Sigstore's services, none of which has to do with a key of one's own.
	d.write("roots.json", `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)
	arguments = slices.Insert(arguments, 1, "--trusted-root", filepath.Join(d.dir, "roots.json"))
	require.Contains(t, ran(t, out, "cosign", arguments...), "Verified OK")
	d.write("dist/v1.2.3/SHA256SUMS", "forged\n")
	verify := exec.CommandContext(t.Context(), "cosign", arguments...)
	verify.Dir = out
	require.Error(t, verify.Run())
}
