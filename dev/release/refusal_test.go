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

func TestACheckoutWithChangesIsNoReleasesSource(t *testing.T) {
	t.Parallel()
	o := small(t)
	git := func(args ...string) {
		t.Helper()
		identity := []string{"-C", o.Root, "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"}
		ran(t, exec.CommandContext(t.Context(), "git", append(identity, args...)...))
	}
	git("init", "--quiet")
	git("add", ".")
	git("commit", "--quiet", "--message", "All")
	require.NoError(t, Build(t.Context(), o), "a clean checkout")

	write(t, filepath.Join(o.Root, "go.mod"), "module small // changed\n\ngo 1.26.0\n")
	err := Build(t.Context(), o)
	require.ErrorContains(t, err, " M go.mod")
	require.ErrorContains(t, err, "`git stash -u`")
	o.AllowUncommitted = true
	require.NoError(t, Build(t.Context(), o), "who knows what they do")

	o.AllowUncommitted = false
	git("commit", "--quiet", "--all", "--message", "Change")
	write(t, filepath.Join(o.Root, "cmd", auditName, "more.go"), "package main\n")
	require.ErrorContains(t, Build(t.Context(), o), "?? cmd/itwin-audit/more.go", "Go builds what git doesn't know of")
}
