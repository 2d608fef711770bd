package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// goreleaser is a stand-in that packs nothing, where what scripts/release.sh itself does is tested.
const goreleaser = `#!/bin/sh
set -e
test "$*" = "release --clean --snapshot"
mkdir -p .cache/goreleaser && cd .cache/goreleaser
touch a.zip a.cdx.json a_oci.tar
sha256sum a* >SHA256SUMS
`

// desk is a folder with the scripts that make a release, and a changelog.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) desk {
	t.Helper()
	d := desk{t: t, dir: t.TempDir()}
	for _, name := range []string{"release.sh", "release-notes.sh"} {
		d.write("scripts/"+name, read(t, root, "scripts", name))
	}
	d.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n* Something new.\n")
	d.write("tools/goreleaser", goreleaser)
	return d
}

func (d desk) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	require.NoError(d.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(d.t, os.WriteFile(path, []byte(text), 0o700))
}

// release releases v1.2.3.
func (d desk) release(environment ...string) (said string, err error) {
	d.t.Helper()
	return d.releaseAs("v1.2.3", environment...)
}

func (d desk) releaseAs(version string, environment ...string) (said string, err error) {
	d.t.Helper()
	return run(d.t, d.dir, version, filepath.Join(d.dir, "tools"), environment...)
}

func (d desk) mustRelease(environment ...string) (said string) {
	d.t.Helper()
	said, err := d.release(environment...)
	require.NoError(d.t, err, said)
	return said
}

// mustRefuse wants a text in what is said, and nothing released.
func (d desk) mustRefuse(text string, environment ...string) {
	d.t.Helper()
	said, err := d.release(environment...)
	require.Error(d.t, err, said)
	require.Contains(d.t, said, text)
	require.NoDirExists(d.t, filepath.Join(d.dir, "dist", "v1.2.3"))
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

func TestAReleaseReplacesAnEarlierOneAsAWhole(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("clients/typescript/package.json", "{}")
	d.write("scripts/pack-client.sh", "#!/bin/sh\ntouch \"$2/client-$1.tgz\"\n")
	d.mustRelease()
	d.write("dist/v1.2.3/left-over.zip", "of an earlier run")
	said := d.mustRelease()
	require.Equal(t, []string{"SHA256SUMS", "a.cdx.json", "a.zip", "a_oci.tar", "client-v1.2.3.tgz", "release-notes.md"},
		list(t, filepath.Join(d.dir, "dist", "v1.2.3")))
	require.Equal(t, []string{"v1.2.3"}, list(t, filepath.Join(d.dir, "dist")), "what it worked with is gone")
	require.Contains(t, said, "release: v1.2.3 is in dist/v1.2.3\n")
}

func TestAFailingBuildLeavesAnEarlierReleaseAsItWas(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.mustRelease()
	d.write("dist/v1.2.3/mark", "")
	d.write("tools/goreleaser", "#!/bin/sh\necho undefined: nonsense >&2; exit 1\n")
	said, err := d.release()
	require.Error(t, err)
	require.Contains(t, said, "undefined: nonsense")
	require.FileExists(t, filepath.Join(d.dir, "dist", "v1.2.3", "mark"))
	require.Equal(t, []string{"v1.2.3"}, list(t, filepath.Join(d.dir, "dist")))
}

func TestAVersionThatVaultWouldNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const advice = "run `make release VERSION=v1.2.3`"
	for version, says := range map[string]string{
		"":                  "release: VERSION is missing: " + advice,
		"1.2.3":             `"1.2.3" is not a SemVer with a leading v, such as v1.2.3 or v1.2.3-rc.1: ` + advice,
		"v1.2":              "is not a SemVer",
		"latest":            "is not a SemVer",
		"v1.02.3":           "is not a SemVer",
		"v1.2.3/../x":       "is not a SemVer",
		"v1.2.3-rc.1+3.gab": "has build metadata: run `make release VERSION=v1.2.3-rc.1`",
	} {
		said, err := d.releaseAs(version)
		require.Error(t, err, version)
		require.Contains(t, said, says)
	}
	require.NoDirExists(t, filepath.Join(d.dir, "dist"))
}

// checkout makes the folder one of git's, with all of it committed, and returns git.
func (d desk) checkout() (git func(args ...string)) {
	d.t.Helper()
	git = func(args ...string) {
		d.t.Helper()
		identity := []string{"-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"}
		ran(d.t, d.dir, "git", append(identity, args...)...)
	}
	d.write(".gitignore", "/dist/\n/.cache/\n")
	git("init", "--quiet")
	git("add", ".")
	git("commit", "--quiet", "--message", "All")
	return git
}

func TestACheckoutWithChangesIsNoReleasesSource(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	git := d.checkout()
	d.write("CHANGELOG.md", "## Unreleased\n\n* Changed.\n")
	d.mustRefuse(" M CHANGELOG.md\ncommit them, or `git stash -u` them")
	git("commit", "--quiet", "--all", "--message", "Change")
	git("config", "status.showUntrackedFiles", "no")
	d.write("cmd/more.go", "package main\n")
	d.mustRefuse("?? cmd/more.go")
	require.NoError(t, os.RemoveAll(filepath.Join(d.dir, "cmd")))
	d.mustRelease()
}

func TestATagIsOfTheCommitThatIsReleased(t *testing.T) {
	t.Parallel()
	for name, tag := range map[string][]string{
		"lightweight": {"tag", "v1.2.3"},
		"annotated":   {"tag", "--annotate", "--message", "Release", "v1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			git := d.checkout()
			git(tag...)
			git("commit", "--quiet", "--allow-empty", "--message", "Later")
			d.mustRefuse("the tag v1.2.3 names another commit than the one checked out: `git checkout v1.2.3`")
			said, err := d.releaseAs("v1.2.4")
			require.NoError(t, err, said)
			git("checkout", "--quiet", "v1.2.3")
			d.mustRelease()
		})
	}
}

func TestExperimentsOfGoAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.mustRefuse("GOEXPERIMENT is set", "GOEXPERIMENT=jsonv2")
	d.write("env", "GOEXPERIMENT=jsonv2\n")
	d.mustRefuse("run `go env -u GOEXPERIMENT`", "GOEXPERIMENT=", "GOENV="+filepath.Join(d.dir, "env"))
}

func TestTheNotesAreTheVersionsOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, heading := range []string{"v1.2.3", "1.2.3 (January 1, 2027)", "[1.2.3] - 2027-01-01"} {
		d.write("CHANGELOG.md", "## Unreleased\n\n* Later.\n\n## v1.2.3-rc.1\n\n* Tried.\n\n## "+heading+"\n\n* Now.\n\n## v1.2.2\n\n* Before.\n")
		said := d.mustRelease()
		require.NotContains(t, said, "CHANGELOG.md")
		notes := read(t, d.dir, "dist", "v1.2.3", "release-notes.md")
		require.Contains(t, notes, "# vault-plugin-secrets-itwin v1.2.3\n\n* Now.\n\n## ", heading)
		require.NotRegexp(t, "Later|Tried|Before", notes)
		require.Contains(t, notes, "\n    sha256sum --check --ignore-missing SHA256SUMS\n")
		require.Contains(t, notes, "Made with "+runtime.Version()+", without C.")
	}
}

func TestAVersionWithoutNotesHasTheUnreleasedOnes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	require.Contains(t, d.mustRelease(), `CHANGELOG.md has no section "## v1.2.3"`)
	require.Contains(t, read(t, d.dir, "dist", "v1.2.3", "release-notes.md"), "* Something new.")
}

func TestAReleaseNeedsNotes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("CHANGELOG.md", "# Changelog\n\n## v1.2.2\n\n* Before.\n")
	d.mustRefuse(`nothing under "## v1.2.3" or "## Unreleased"`)
}

func TestMakeReleaseWantsAVersion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("Makefile", read(t, root, "Makefile"))
	d.write("scripts/version.sh", read(t, root, "scripts", "version.sh")) // make build has a version of its own
	cmd := exec.CommandContext(t.Context(), "make", "release")
	cmd.Dir, cmd.Env = d.dir, withoutMake(os.Environ())
	said, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), "release: VERSION is missing")
}
