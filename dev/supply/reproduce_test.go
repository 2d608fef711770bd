package supply

import (
	"bytes"
	"debug/buildinfo"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/release"
)

// TestTwoCleanBuildsAreTheSame makes a release from two folders. `make repro` does so for all platforms, each time with a
// build cache of its own, which compiles everything twice and takes long. Otherwise what is alike in both may come from
// the machine's cache, and one platform says as much as all.
func TestTwoCleanBuildsAreTheSame(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "release")
	run(t, "..", nil, "go", "build", "-o", program, "./cmd/release")
	platforms := []string{"linux/amd64"}
	if reproduces() {
		platforms = nil
		for _, p := range release.AllPlatforms() {
			platforms = append(platforms, p.String())
		}
	}
	first := cleanRelease(t, program, filepath.Join(t.TempDir(), "here"), platforms)
	second := cleanRelease(t, program, filepath.Join(t.TempDir(), "somewhere", "else"), platforms)
	// Two programs for each platform, each with a list of what is in it; the image, the notes and the sums.
	require.Len(t, first, 2*2*len(platforms)+3)
	require.Equal(t, first, second)
	t.Logf("both are\n%s", first[sumsFile])
}

// sumsFile is compared by what it says, so that a difference names the file.
const sumsFile = "SHA256SUMS"

// reproduces says whether `make repro` runs this.
func reproduces() bool { return os.Getenv("REPRODUCE") != "" }

// cleanRelease makes a release from a copy of the sources and returns the files by name.
func cleanRelease(t *testing.T, program, dir string, platforms []string) map[string]string {
	t.Helper()
	copySources(t, dir)
	var environment []string
	if reproduces() {
		environment = []string{"GOCACHE=" + t.TempDir()}
	}
	out := filepath.Join(dir, "dist", "v0.0.0")
	// The environment may name keys, which sign nothing here.
	run(t, dir, environment, program, "-root", dir, "-version", "v0.0.0", "-out", out,
		"-platforms", strings.Join(platforms, ","), "-gpg-key=", "-cosign-key=")
	run(t, out, nil, "sha256sum", "--check", "--strict", "--quiet", sumsFile)
	sums, err := os.ReadFile(filepath.Join(out, sumsFile))
	require.NoError(t, err)
	files := map[string]string{sumsFile: string(sums)}
	for line := range strings.Lines(string(sums)) {
		fields := strings.Fields(line)
		require.Len(t, fields, 2, line)
		files[fields[1]] = fields[0]
	}
	return files
}

// run runs a program in a folder. Variables of an outer make aren't meant for an inner one.
func run(t *testing.T, dir string, environment []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "MAKE") })
	cmd.Env = append(cmd.Env, environment...)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
}

// copySources leaves out what no release is made of. In a worktree, .git is a file.
func copySources(t *testing.T, dir string) {
	t.Helper()
	leftOut := []string{".git", ".cache", "bin", "clients", "dist", "dev", "docs", "examples"}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		switch leave := slices.Contains(leftOut, name); {
		case leave && entry.IsDir():
			return filepath.SkipDir
		case leave:
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o700)
		}
		return copyFile(path, filepath.Join(dir, name))
	}))
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}

func TestThePluginIsBuiltWithoutCAndWithoutPaths(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	dir := t.TempDir()
	binary := filepath.Join(dir, "plugin")
	run(t, root, nil, "make", "build", "PLUGIN="+binary, "AUDIT="+filepath.Join(dir, "audit"), "VERSION=v0.0.0")
	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	require.Equal(t, "0", settings["CGO_ENABLED"])
	require.Equal(t, "true", settings["-trimpath"])
	require.NotContains(t, settings, "vcs.revision")
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	modules, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	require.NoError(t, err)
	// The folders alone may be as short as /go, which occurs in any text.
	for _, path := range []string{here + "/backend.go", strings.TrimSpace(string(modules)) + "/github.com/"} {
		require.False(t, bytes.Contains(content, []byte(path)), "the binary tells of %s", path)
	}
}
