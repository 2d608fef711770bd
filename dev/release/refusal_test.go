package release

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAReleaseIsRefusedBeforeAnythingIsBuilt(t *testing.T) {
	t.Parallel()
	const advice = "`make release VERSION=v1.2.3`"
	for name, c := range map[string]struct {
		spoil func(o *Options)
		says  []string
	}{
		"no version":               {func(o *Options) { o.Version = "" }, []string{"VERSION is missing", advice}},
		"a version without a v":    {func(o *Options) { o.Version = "1.2.3" }, []string{`"1.2.3" is not a SemVer`, advice}},
		"a version of two numbers": {func(o *Options) { o.Version = "v1.2" }, []string{`"v1.2" is not a SemVer`}},
		"a word":                   {func(o *Options) { o.Version = "latest" }, []string{`"latest" is not a SemVer`}},
		"a leading zero":           {func(o *Options) { o.Version = "v1.02.3" }, []string{"is not a SemVer"}},
		"a path":                   {func(o *Options) { o.Version = "v1.2.3/../x" }, []string{"is not a SemVer"}},
		"build metadata": {
			func(o *Options) { o.Version = "v1.2.3-rc.1+3.gabcdef" },
			[]string{"has build metadata", "`make release VERSION=v1.2.3-rc.1`"},
		},
		"an unknown platform": {
			func(o *Options) { o.Platforms = []string{"linux/amd64", "plan9/386"} },
			[]string{`"plan9/386"`, "linux/arm64", "windows/amd64"},
		},
		"a folder with other things in it": {
			func(o *Options) { o.Out = o.Root },
			[]string{"holds no release", "name another folder"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := small(t)
			write(t, filepath.Join(o.Root, "Makefile"), "build:\n\ttouch built\n")
			c.spoil(&o)
			err := Build(t.Context(), o)
			for _, want := range c.says {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, list(t, o.Root), "built")
		})
	}
}

// checkout makes the folder one of git's, with all of it committed, and returns git.
func checkout(t *testing.T, root string) (git func(args ...string)) {
	t.Helper()
	git = func(args ...string) {
		t.Helper()
		identity := []string{
			"-C", root, "-c", "user.name=Test", "-c", "user.email=test@example.com",
			"-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false",
		}
		ran(t, exec.CommandContext(t.Context(), "git", append(identity, args...)...))
	}
	git("init", "--quiet")
	git("add", ".")
	git("commit", "--quiet", "--message", "All")
	return git
}

func TestACheckoutWithChangesIsNoReleasesSource(t *testing.T) {
	t.Parallel()
	o := small(t)
	git := checkout(t, o.Root)
	require.NoError(t, Build(t.Context(), o), "a clean checkout")

	write(t, filepath.Join(o.Root, "go.mod"), "module small // changed\n\ngo 1.26.0\n")
	err := Build(t.Context(), o)
	require.ErrorContains(t, err, " M go.mod")
	require.ErrorContains(t, err, "`git stash -u`")
	o.AllowUncommitted = true
	require.NoError(t, Build(t.Context(), o), "who knows what they do")

	o.AllowUncommitted = false
	git("commit", "--quiet", "--all", "--message", "Change")
	git("config", "status.showUntrackedFiles", "no")
	write(t, filepath.Join(o.Root, "cmd", auditName, "more.go"), "package main\n")
	require.ErrorContains(t, Build(t.Context(), o), "?? cmd/itwin-audit/more.go", "Go builds what git doesn't know of")
}

func TestATagIsOfTheCommitThatIsReleased(t *testing.T) {
	t.Parallel()
	for name, tag := range map[string][]string{
		"lightweight": {"tag", "v1.2.3"},
		"annotated":   {"tag", "--annotate", "--message", "Release", "v1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := small(t)
			git := checkout(t, o.Root)
			git(tag...)
			require.NoError(t, Build(t.Context(), o))

			git("commit", "--quiet", "--allow-empty", "--message", "Later")
			require.ErrorContains(t, Build(t.Context(), o), "the tag v1.2.3 is of another commit than what is checked out: `git checkout v1.2.3`")
			o.Version = "v1.2.4"
			require.NoError(t, Build(t.Context(), o), "a version without a tag")
		})
	}
}
