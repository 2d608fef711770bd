package release

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

const (
	pluginName = "vault-plugin-secrets-itwin"
	auditName  = "itwin-audit"
	version    = "v1.2.3-rc.1"
)

// TestTwoCleanBuildsAreTheSame releases the product twice, from copies in folders of their own: what is in one copy is in both.
// `make repro` does so for all platforms, each time with a build cache of its own, which compiles everything twice.
func TestTwoCleanBuildsAreTheSame(t *testing.T) {
	t.Parallel()
	platforms := []string{"linux_386", "linux_amd64"}
	home, key := keyring(t)
	here, elsewhere := []string{"GNUPGHOME=" + home, "GPG_KEY=" + key}, wishes(t)
	if reproduces() {
		platforms = Platforms(t)
		here, elsewhere = append(here, "GOCACHE="+t.TempDir()), append(elsewhere, "GOCACHE="+t.TempDir())
	}
	dir := Build(t, filepath.Join(t.TempDir(), "here"), version, platforms, here...)
	other := Build(t, filepath.Join(t.TempDir(), "somewhere", "else"), version, platforms, elsewhere...)
	sums := comparableSums(t, dir)
	require.Equal(t, sums, comparableSums(t, other))
	t.Logf("both are\n%s", sums)
	// Two programs for each platform, each with a list of what is in it, and the image.
	require.Equal(t, 2*2*len(platforms)+1, strings.Count(sums, "\n"))

	for name, test := range map[string]func(t *testing.T, dir string){
		"archives hold the program alone, built as promised":        testArchives,
		"bills of materials list all modules":                       testBills,
		"the image":                                                 testImage,
		"make build gives the same files, whatever the environment": testMakeBuild,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, dir)
		})
	}
	t.Run("the checksums are signed", func(t *testing.T) {
		t.Parallel()
		testSignature(t, home, dir, other)
	})
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

// comparableSums returns the checksums that don't depend on who makes the release: the notes say who signed it. It requires
// a checksum for every file.
func comparableSums(t *testing.T, dir string) string {
	t.Helper()
	run(t, dir, "sha256sum", "--check", "--strict", "SHA256SUMS")
	sums := read(t, dir, "SHA256SUMS")
	for _, name := range list(t, dir) {
		require.True(t, strings.HasPrefix(name, "SHA256SUMS") || strings.Contains(sums, "  "+name+"\n"), name)
	}
	return regexp.MustCompile(`.* release-notes\.md\n`).ReplaceAllString(sums, "")
}

// each calls a function for every program and platform.
func each(t *testing.T, dir string, test func(t *testing.T, program, path string, binary []byte, built *debug.BuildInfo)) {
	t.Helper()
	for _, program := range []string{pluginName, auditName} {
		for _, platform := range []string{"linux_amd64", "linux_386"} {
			path := filepath.Join(dir, program+"_1.2.3-rc.1_"+platform)
			binary := unpacked(t, path+".zip", program)
			built, err := buildinfo.Read(bytes.NewReader(binary))
			require.NoError(t, err)
			test(t, program, path, binary, built)
		}
	}
}

func testArchives(t *testing.T, dir string) {
	t.Helper()
	each(t, dir, func(t *testing.T, program, path string, _ []byte, built *debug.BuildInfo) {
		t.Helper()
		require.Contains(t, built.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "0"})
		require.Contains(t, built.Settings, debug.BuildSetting{Key: "-trimpath", Value: "true"})
		archive, err := zip.OpenReader(path + ".zip")
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o755), archive.File[0].Mode())
		for _, file := range archive.File {
			require.Contains(t, []string{program, "LICENSE"}, file.Name)
			require.True(t, file.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)))
		}
		require.NoError(t, archive.Close())
	})
}

func testBills(t *testing.T, dir string) {
	t.Helper()
	each(t, dir, func(t *testing.T, program, path string, binary []byte, built *debug.BuildInfo) {
		t.Helper()
		type property struct{ Name, Value string }
		var bill struct {
			Metadata struct {
				Tools      any
				Component  struct{ Version, Purl string }
				Properties []property
			}
			Components []struct{ Name, Version string }
		}
		require.NoError(t, json.Unmarshal([]byte(read(t, path+".cdx.json")), &bill))
		require.Empty(t, bill.Metadata.Tools, "they say who built the tool, not the product")
		require.Equal(t, version, bill.Metadata.Component.Version)
		require.Contains(t, bill.Metadata.Component.Purl, "#cmd/"+program)
		require.Contains(t, bill.Metadata.Properties, property{"cdx:gomod:binary:hash:SHA-256", sum(binary)})
		made, listed := []string{"std " + built.GoVersion}, []string(nil)
		for _, module := range built.Deps {
			made = append(made, module.Path+" "+module.Version)
		}
		for _, component := range bill.Components {
			listed = append(listed, component.Name+" "+component.Version)
		}
		require.ElementsMatch(t, made, listed)
	})
}

// testMakeBuild builds for a platform, which make build leaves to the environment, and experiments have no effect.
func testMakeBuild(t *testing.T, dir string) {
	t.Helper()
	here := t.TempDir()
	run(t, root, "env", append(wishes(t), "GOOS=linux", "GOARCH=amd64", "GOEXPERIMENT=jsonv2",
		"make", "build", "VERSION="+version, "PLUGIN="+filepath.Join(here, pluginName), "AUDIT="+filepath.Join(here, auditName))...)
	for _, program := range []string{pluginName, auditName} {
		archive := filepath.Join(dir, program+"_1.2.3-rc.1_linux_amd64.zip")
		require.Equal(t, sum(unpacked(t, archive, program)), sum([]byte(read(t, here, program))), program)
	}
}

// keyring makes a key that lives as long as the test. Without gpg, nothing is signed.
func keyring(t *testing.T) (home, key string) {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		return "", ""
	}
	home, err := os.MkdirTemp("", "gpg") //nolint:usetesting // t.TempDir's names are too long for the socket of gpg's agent
	require.NoError(t, err)
	t.Cleanup(func() {
		// The agent that gpg has started would outlive the test.
		require.NoError(t, exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run())
		require.NoError(t, os.RemoveAll(home))
	})
	const name = "Releases <releases@example.com>"
	run(t, home, "gpg", "--homedir", home, "--batch", "--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")
	return home, name
}

// testSignature verifies as users do.
func testSignature(t *testing.T, home, dir, unsigned string) {
	t.Helper()
	require.Contains(t, read(t, unsigned, "release-notes.md"), "Not signed: ")
	programs.Find(t, "gpg")
	good := run(t, dir, "env", "LC_ALL=C", "gpg", "--homedir", home, "--verify", "SHA256SUMS.asc", "SHA256SUMS")
	require.Contains(t, good, "Good signature")
	_, signedWith, _ := strings.Cut(good, "using EDDSA key ")
	require.Contains(t, read(t, dir, "release-notes.md"), "OpenPGP key "+strings.Fields(signedWith)[0]+".")
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
