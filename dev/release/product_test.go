package release

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	pluginName = "vault-plugin-secrets-itwin"
	auditName  = "itwin-audit"
	version    = "v1.2.3-rc.1"
)

// TestTwoCleanBuildsAreTheSame releases the product twice, from copies in folders of their own: what is in one copy is in both.
// `make repro` does so for all platforms, each time with a build cache of its own, which compiles everything twice.
// Otherwise it is for this machine and for one with 32 bits, both of which can run here.
func TestTwoCleanBuildsAreTheSame(t *testing.T) {
	t.Parallel()
	platforms := []string{"linux_386", "linux_amd64"}
	if reproduces() {
		platforms = Platforms(t)
	}
	dir := releaseIn(t, filepath.Join(t.TempDir(), "here"), platforms, "TZ=UTC")
	elsewhere := releaseIn(t, filepath.Join(t.TempDir(), "somewhere", "else"), platforms, wishes(t)...)
	require.Equal(t, read(t, dir, "SHA256SUMS"), read(t, elsewhere, "SHA256SUMS"))
	t.Logf("both are\n%s", read(t, dir, "SHA256SUMS"))

	for name, test := range map[string]func(t *testing.T, dir string){
		"the checksums are those that sha256sum checks":         testSums,
		"archives hold the program":                             testArchives,
		"programs are static and stripped":                      testBinaries,
		"programs start, and tell their version":                testPrograms,
		"bills of materials list all modules and the toolchain": testBills,
		"the image": testImage,
		"make build gives the same files, whatever the environment": testMakeBuild,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, dir)
		})
	}
}

// reproduces says whether `make repro` runs this.
func reproduces() bool { return os.Getenv("REPRODUCE") != "" }

// wishes are the environment and the `go env -w` of a developer who wants other builds, which is to have no effect.
func wishes(t *testing.T) []string {
	t.Helper()
	written := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(written, []byte("GOFLAGS=-tags=wished\nGOAMD64=v3\nGO386=softfloat\n"), 0o600))
	return []string{
		"TZ=Asia/Tokyo", "GOOS=windows", "GOENV=" + written, "CGO_ENABLED=1", "GOAMD64=v4", "GOFIPS140=latest",
		"GOWORK=" + filepath.Join(filepath.Dir(written), "go.work"),
	}
}

// releaseIn releases the product from a copy of its sources, and returns the folder with the files.
func releaseIn(t *testing.T, dir string, platforms []string, environment ...string) string {
	t.Helper()
	copySources(t, dir)
	narrow(t, dir, platforms...)
	if reproduces() {
		environment = append(environment, "GOCACHE="+t.TempDir())
	}
	said, err := run(t, dir, version, tools(t), environment...)
	require.NoError(t, err, said)
	out := filepath.Join(dir, "dist", version)
	// Two programs for each platform, each with a list of what is in it; the image, the notes and the sums.
	require.Len(t, list(t, out), 2*2*len(platforms)+3)
	return out
}

func testSums(t *testing.T, dir string) {
	t.Helper()
	said := ran(t, dir, "sha256sum", "--check", "--strict", "SHA256SUMS")
	for _, name := range list(t, dir) {
		if name != "SHA256SUMS" {
			require.Contains(t, said, name+": OK")
		}
	}
}

// released are the files of a kind, by program and platform.
func released(t *testing.T, dir, extension string, each func(t *testing.T, program, path string)) {
	t.Helper()
	for _, program := range []string{pluginName, auditName} {
		for _, platform := range []string{"linux_amd64", "linux_386"} {
			each(t, program, filepath.Join(dir, program+"_1.2.3-rc.1_"+platform+extension))
		}
	}
}

func testArchives(t *testing.T, dir string) {
	t.Helper()
	released(t, dir, ".zip", func(t *testing.T, program, path string) {
		t.Helper()
		archive, err := zip.OpenReader(path)
		require.NoError(t, err)
		names := make(map[string]os.FileMode)
		for _, file := range archive.File {
			names[file.Name] = file.Mode()
			require.True(t, file.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)), file.Modified)
		}
		require.NoError(t, archive.Close())
		require.Equal(t, os.FileMode(0o755), names[program])
		delete(names, program)
		delete(names, "LICENSE")
		require.Empty(t, names)
	})
}

// testBinaries looks into the files themselves: with -trimpath Go doesn't note the linker's flags.
func testBinaries(t *testing.T, dir string) {
	t.Helper()
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	modules := ran(t, root, "go", "env", "GOMODCACHE")
	released(t, dir, ".zip", func(t *testing.T, program, path string) {
		t.Helper()
		content := unpacked(t, path, program)
		file, err := elf.NewFile(bytes.NewReader(content))
		require.NoError(t, err)
		libraries, err := file.ImportedLibraries()
		require.NoError(t, err)
		require.Empty(t, libraries)
		for _, section := range []string{".interp", ".dynamic", ".symtab", ".debug_info", ".zdebug_info"} {
			require.Nil(t, file.Section(section), "%s has %s", path, section)
		}
		// The folders alone may be as short as /go, which occurs in any text.
		for _, local := range []string{filepath.Dir(dir), here + "/backend.go", modules + "/github.com/"} {
			require.False(t, bytes.Contains(content, []byte(local)), "%s tells of %s", path, local)
		}
	})
}

func testPrograms(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the programs are for Linux on amd64 and 386, and this is another machine: none can be started")
	}
	released(t, dir, ".zip", func(t *testing.T, program, path string) {
		t.Helper()
		binary := filepath.Join(t.TempDir(), program)
		require.NoError(t, os.WriteFile(binary, unpacked(t, path, program), 0o700))
		said, err := exec.CommandContext(t.Context(), binary, "-version").CombinedOutput()
		if strings.Contains(path, "_386") && errors.Is(err, syscall.ENOEXEC) {
			t.Logf("this kernel starts no programs of 32 bits: %s isn't tried", path)
			return
		}
		require.NoError(t, err, "%s", said)
		require.Equal(t, version+"\n", string(said))
	})
}

// bill is what these tests read of a bill of materials.
type bill struct {
	SpecVersion, SerialNumber string
	Metadata                  struct {
		Timestamp  string
		Tools      any
		Component  component
		Properties []struct{ Name, Value string }
	}
	Components []component
}

type component struct {
	Name, Version, Purl string
	Hashes              []struct{ Alg, Content string }
}

func testBills(t *testing.T, dir string) {
	t.Helper()
	released(t, dir, ".cdx.json", func(t *testing.T, program, path string) {
		t.Helper()
		binary := unpacked(t, strings.TrimSuffix(path, ".cdx.json")+".zip", program)
		var b bill
		require.NoError(t, json.Unmarshal([]byte(read(t, path)), &b))
		require.Equal(t, "1.6", b.SpecVersion)
		require.Empty(t, b.SerialNumber)
		require.Empty(t, b.Metadata.Timestamp)
		require.Empty(t, b.Metadata.Tools, "they say who built the tool, not the product")
		require.Equal(t, version, b.Metadata.Component.Version)
		require.Contains(t, b.Metadata.Component.Purl, "#cmd/"+program)
		require.Contains(t, b.Metadata.Properties, struct{ Name, Value string }{"cdx:gomod:binary:hash:SHA-256", sum(binary)})
		require.Equal(t, modules(t, binary), b.modules(t))
	})
}

// modules are what a binary is made of: versions and sums, by path.
func modules(t *testing.T, binary []byte) map[string]string {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(binary))
	require.NoError(t, err)
	require.Greater(t, len(info.Deps), 10)
	made := map[string]string{"std": info.GoVersion + " "}
	for _, dep := range info.Deps {
		h1, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(dep.Sum, "h1:"))
		require.NoError(t, err)
		made[dep.Path] = dep.Version + " " + hex.EncodeToString(h1)
	}
	return made
}

// modules are what a bill of materials lists: versions and sums, by name.
func (b bill) modules(t *testing.T) map[string]string {
	t.Helper()
	listed := make(map[string]string)
	for _, c := range b.Components {
		hash := ""
		if len(c.Hashes) > 0 {
			hash = c.Hashes[0].Content
		}
		require.NotContains(t, listed, c.Name)
		listed[c.Name] = c.Version + " " + hash
		require.Contains(t, c.Purl, "pkg:golang/"+c.Name+"@")
	}
	return listed
}

// testMakeBuild builds for a platform, which make build leaves to the environment, and experiments have no effect.
func testMakeBuild(t *testing.T, dir string) {
	t.Helper()
	here := t.TempDir()
	plugin, audit := filepath.Join(here, "plugin"), filepath.Join(here, "audit")
	ran(t, root, "env", append(wishes(t), "GOOS=linux", "GOARCH=amd64", "GOEXPERIMENT=jsonv2",
		"make", "build", "VERSION="+version, "PLUGIN="+plugin, "AUDIT="+audit)...)
	for program, path := range map[string]string{pluginName: plugin, auditName: audit} {
		archive := filepath.Join(dir, program+"_1.2.3-rc.1_linux_amd64.zip")
		require.Equal(t, sum(unpacked(t, archive, program)), sum([]byte(read(t, path))), program)
	}
}

func sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// unpacked is what an archive's entry holds.
func unpacked(t *testing.T, archive, name string) []byte {
	t.Helper()
	opened, err := zip.OpenReader(archive)
	require.NoError(t, err)
	defer func() { require.NoError(t, opened.Close()) }()
	entry, err := opened.Open(name)
	require.NoError(t, err)
	content, err := io.ReadAll(entry)
	require.NoError(t, err)
	return content
}
