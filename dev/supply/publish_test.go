package supply

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// publisher is a copy of what make publish needs, with a gh that notes its arguments and goes nowhere.
type publisher struct {
	t   *testing.T
	dir string
}

func newPublisher(t *testing.T, files ...string) publisher {
	t.Helper()
	p := publisher{t: t, dir: t.TempDir()}
	for _, name := range []string{"Makefile", "scripts/publish.sh", "scripts/version.sh"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		p.write(name, string(text))
	}
	p.write("bin/gh", "#!/bin/sh\nprintf '%s\\n' \"$@\" >called\n")
	for _, name := range files {
		p.write(name, "")
	}
	return p
}

func (p publisher) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(p.t, os.WriteFile(path, []byte(text), 0o700))
}

// publish runs make publish, and returns what it printed and the arguments of gh.
func (p publisher) publish(arguments ...string) (said string, called []string, err error) {
	p.t.Helper()
	run := exec.CommandContext(p.t.Context(), "make", append([]string{"publish"}, arguments...)...)
	run.Dir = p.dir
	// An outer make hands its variables down, and VERSION may be set for it.
	run.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "MAKE") || strings.HasPrefix(entry, "MFLAGS=") || strings.HasPrefix(entry, "VERSION=")
	})
	run.Env = append(run.Env, "PATH="+filepath.Join(p.dir, "bin")+":"+os.Getenv("PATH"))
	output, err := run.CombinedOutput()
	text, unread := os.ReadFile(filepath.Join(p.dir, "called"))
	if unread == nil {
		called = strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	return string(output), called, err
}

func TestPublishMakesADraftOfEveryReleasedFile(t *testing.T) {
	t.Parallel()
	for version, more := range map[string][]string{"v1.2.3": nil, "v1.2.3-rc.1": {"--prerelease"}} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			dist := "dist/" + version + "/"
			files := []string{dist + "SHA256SUMS", dist + "a.zip", dist + "release-notes.md"}
			p := newPublisher(t, append(files, "dist/v1.0.0/SHA256SUMS")...)
			said, called, err := p.publish("VERSION=" + version)
			require.NoError(t, err, said)
			want := append([]string{"release", "create", version, "--draft", "--verify-tag"}, more...)
			want = append(want, "--title", version, "--notes-file", dist+"release-notes.md")
			require.Equal(t, append(want, files...), called)
		})
	}
}

func TestPublishSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []string
		args  []string
		says  string
	}{
		"no version":     {nil, nil, "VERSION is missing: run make publish VERSION=vX.Y.Z"},
		"nothing built":  {nil, []string{"VERSION=v1.2.3"}, "dist/v1.2.3 holds no release: run make release VERSION=v1.2.3 first"},
		"half a release": {[]string{"dist/v1.2.3/SHA256SUMS"}, []string{"VERSION=v1.2.3"}, "dist/v1.2.3 holds no release"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, called, err := newPublisher(t, c.files...).publish(c.args...)
			require.Error(t, err)
			require.Contains(t, said, c.says)
			require.Empty(t, called)
		})
	}
}
