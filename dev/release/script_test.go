package release

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Stand-ins that pack and sign nothing, where what scripts/release.sh itself does is tested.
const (
	goreleaser = `#!/bin/sh
set -e
test "$*" = "release --clean --snapshot"
mkdir -p .cache/goreleaser && cd .cache/goreleaser
touch a.zip a.cdx.json a_oci.tar SHA256SUMS
`
	// cosign can't open a key called lost.key, and writes down the services that it is to tell.
	cosign = `#!/bin/sh -e
case "$*" in *lost.key*) exit 1;; esac
if [ "$1" = sign-blob ]; then
	test "$2 $3 $4 $5 $7" = "--yes --key release.key --signing-config --bundle"
	cat "$6" >"$8"
fi
`
)

// desk is a folder with what makes a release of v1.2.3, and a changelog.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) desk {
	t.Helper()
	d := desk{t: t, dir: t.TempDir()}
	for _, name := range []string{"scripts/release.sh", "scripts/release-notes.sh"} {
		d.write(name, read(t, root, name))
	}
	d.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n* Something new.\n")
	d.write("tools/goreleaser", goreleaser)
	d.write("tools/cosign", cosign)
	d.write("clients/typescript/package.json", "{}")
	d.write("scripts/pack-client.sh", "#!/bin/sh\ntouch \"$2/client-$1.tgz\"\n")
	return d
}

func (d desk) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	require.NoError(d.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(d.t, os.WriteFile(path, []byte(text), 0o700))
}

func (d desk) release(environment ...string) {
	d.t.Helper()
	said, err := release(d.t, d.dir, "v1.2.3", filepath.Join(d.dir, "tools"), environment...)
	require.NoError(d.t, err, said)
}

// refuse wants a text in what is said.
func (d desk) refuse(version, text string, environment ...string) {
	d.t.Helper()
	said, err := release(d.t, d.dir, version, filepath.Join(d.dir, "tools"), environment...)
	require.Error(d.t, err, said)
	require.Contains(d.t, said, text)
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	return string(text)
}

// list are the names of a folder's entries.
func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestAReleaseReplacesAnEarlierOneAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("dist/v1.2.3/left-over.zip", "of an earlier run")
	d.release()
	want := []string{"SHA256SUMS", "a.cdx.json", "a.zip", "a_oci.tar", "client-v1.2.3.tgz", "release-notes.md"}
	require.Equal(t, want, list(t, filepath.Join(d.dir, "dist", "v1.2.3")))
	d.write("tools/goreleaser", "#!/bin/sh\necho undefined: nonsense >&2; exit 1\n")
	d.refuse("v1.2.3", "undefined: nonsense")
	require.Equal(t, want, list(t, filepath.Join(d.dir, "dist", "v1.2.3")))
	require.Equal(t, []string{"v1.2.3"}, list(t, filepath.Join(d.dir, "dist")), "what it worked with is gone")
}

func TestWhatCannotBeReleasedIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("env", "GOEXPERIMENT=jsonv2\n")
	for _, c := range []struct{ version, environment, says string }{
		{"", "", "release: VERSION is missing: run `make release VERSION=v1.2.3`"},
		{"1.2.3", "", "is not a SemVer with a leading v"},
		{"v1.2", "", "is not a SemVer"},
		{"v1.02.3", "", "is not a SemVer"},
		{"v1.2.3/../x", "", "is not a SemVer"},
		{"v1.2.3-rc.1+3.gab", "", "has build metadata: run `make release VERSION=v1.2.3-rc.1`"},
		{"v1.2.3", "GOENV=" + filepath.Join(d.dir, "env"), "run `go env -u GOEXPERIMENT`"},
		{"v1.2.3", "COSIGN_KEY=lost.key", "COSIGN_KEY=lost.key can't be opened"},
		{"v1.2.3", "GPG_KEY=nobody@example.com", "gpg"}, // which may be what is missing
	} {
		d.refuse(c.version, c.says, c.environment, "GNUPGHOME="+d.t.TempDir())
	}
	require.NoDirExists(t, filepath.Join(d.dir, "dist"))
}

func TestOnlyTheCommitOfItsTagIsReleased(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write(".gitignore", "/dist/\n/.cache/\n")
	git := func(args ...string) {
		t.Helper()
		run(t, d.dir, "git", append([]string{"-c", "user.name=Test", "-c", "user.email=test@example.com"}, args...)...)
	}
	git("init", "--quiet")
	git("config", "status.showUntrackedFiles", "no")
	d.refuse("v1.2.3", "?? CHANGELOG.md")
	git("add", ".")
	git("commit", "--quiet", "--no-gpg-sign", "--message", "All")
	git("tag", "--annotate", "--no-sign", "--message", "Release", "v1.2.3")
	d.release()
	d.write("CHANGELOG.md", "## Unreleased\n\n* Changed.\n")
	d.refuse("v1.2.3", " M CHANGELOG.md\ncommit them, or `git stash -u` them")
	git("commit", "--quiet", "--no-gpg-sign", "--all", "--message", "Change")
	d.refuse("v1.2.3", "the tag v1.2.3 names another commit than the one checked out: `git checkout v1.2.3`")
}

func TestTheNotesAreTheVersionsOwnOrTheUnreleasedOnes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	notes := func() string {
		d.release()
		return read(t, d.dir, "dist", "v1.2.3", "release-notes.md")
	}
	require.Contains(t, notes(), "# vault-plugin-secrets-itwin v1.2.3\n\n* Something new.\n\n## ")
	for _, heading := range []string{"v1.2.3", "1.2.3 (January 1, 2027)", "[1.2.3] - 2027-01-01"} {
		d.write("CHANGELOG.md", "## Unreleased\n\n* Later.\n\n## v1.2.3-rc.1\n\n* Tried.\n\n## "+heading+"\n\n* Now.\n\n## v1.2.2\n\n* Before.\n")
		require.Contains(t, notes(), "# vault-plugin-secrets-itwin v1.2.3\n\n* Now.\n\n## ", heading)
	}
	d.write("CHANGELOG.md", "# Changelog\n\n## v1.2.2\n\n* Before.\n")
	d.refuse("v1.2.3", `nothing under "## v1.2.3" or "## Unreleased"`)
}

func TestCosignIsToldTheKeyTheFileAndNoService(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.release("COSIGN_KEY=release.key")
	out := filepath.Join(d.dir, "dist", "v1.2.3")
	require.Contains(t, read(t, out, "SHA256SUMS.sigstore.json"), `"rekorTlogConfig":{},"tsaConfig":{}`)
	require.Contains(t, read(t, out, "release-notes.md"),
		"    cosign verify-blob --key cosign.pub --insecure-ignore-tlog --bundle SHA256SUMS.sigstore.json SHA256SUMS\n")
}
