package release

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/stretchr/testify/require"
)

const productVersion = "v1.2.3-rc.1"

// TestTheProduct releases the product for this machine and for one with 32 bits, both of which can run here.
func TestTheProduct(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "release")
	platforms := []string{"linux/amd64", "linux/386"}
	require.NoError(t, Build(t.Context(), Options{
		Root: repository, Version: productVersion, Out: dir, Platforms: platforms, AllowUncommitted: true,
	}))
	for name, test := range map[string]func(t *testing.T, dir string){
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
		delete(names, licenseFile)
		require.Empty(t, names)
	})
}

// testBinaries looks into the files themselves: with -trimpath Go doesn't note the linker's flags.
func testBinaries(t *testing.T, dir string) {
	t.Helper()
	released(t, dir, ".zip", func(t *testing.T, program, path string) {
		t.Helper()
		file, err := elf.NewFile(bytes.NewReader(unpacked(t, path, program)))
		require.NoError(t, err)
		libraries, err := file.ImportedLibraries()
		require.NoError(t, err)
		require.Empty(t, libraries)
		for _, section := range []string{".interp", ".dynamic", ".symtab", ".debug_info", ".zdebug_info"} {
			require.Nil(t, file.Section(section), "%s has %s", path, section)
		}
		require.NoError(t, file.Close())
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
		require.Equal(t, productVersion+"\n", string(said))
	})
}

func testBills(t *testing.T, dir string) {
	t.Helper()
	released(t, dir, ".cdx.json", func(t *testing.T, program, path string) {
		t.Helper()
		binary := unpacked(t, strings.TrimSuffix(path, ".cdx.json")+".zip", program)
		var bom cdx.BOM
		require.NoError(t, cdx.NewBOMDecoder(strings.NewReader(read(t, path)), cdx.BOMFileFormatJSON).Decode(&bom))
		require.Equal(t, cdx.SpecVersion1_6, bom.SpecVersion)
		require.Empty(t, bom.SerialNumber)
		require.Empty(t, bom.Metadata.Timestamp)
		require.Equal(t, program, bom.Metadata.Component.Name)
		require.Equal(t, productVersion, bom.Metadata.Component.Version)
		require.Equal(t, []cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum(binary)}}, *bom.Metadata.Component.Hashes)
		require.Equal(t, modules(t, binary), components(t, bom))
		needs := *bom.Dependencies
		require.Len(t, needs, 1)
		require.Equal(t, bom.Metadata.Component.BOMRef, needs[0].Ref)
		require.Len(t, *needs[0].Dependencies, len(*bom.Components))
	})
}

// modules are what a binary is made of: versions and sums, by path.
func modules(t *testing.T, binary []byte) map[string]string {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(binary))
	require.NoError(t, err)
	require.Greater(t, len(info.Deps), 10)
	made := map[string]string{"stdlib": strings.TrimPrefix(runtime.Version(), "go") + " "}
	for _, dep := range info.Deps {
		h1, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(dep.Sum, "h1:"))
		require.NoError(t, err)
		made[dep.Path] = dep.Version + " " + hex.EncodeToString(h1)
	}
	return made
}

// components are what a bill of materials lists: versions and sums, by name.
func components(t *testing.T, bom cdx.BOM) map[string]string {
	t.Helper()
	listed := make(map[string]string)
	for _, c := range *bom.Components {
		hash := ""
		if c.Hashes != nil {
			hash = (*c.Hashes)[0].Value
		}
		require.NotContains(t, listed, c.Name)
		listed[c.Name] = c.Version + " " + hash
		require.Equal(t, "pkg:golang/"+strings.ToLower(c.Name)+"@"+c.Version, strings.ReplaceAll(c.PackageURL, "%2B", "+"))
	}
	return listed
}

// testMakeBuild builds as a developer does whose environment and `go env -w` want something else.
func testMakeBuild(t *testing.T, dir string) {
	t.Helper()
	here := t.TempDir()
	wishes := filepath.Join(here, "env")
	write(t, wishes, "GOFLAGS=-tags=wished\nGOAMD64=v3\nGO386=softfloat\n")
	plugin, audit := filepath.Join(here, "plugin"), filepath.Join(here, "audit")
	build := exec.CommandContext(t.Context(), "make", "-C", repository, "build",
		"VERSION="+productVersion, "PLUGIN="+plugin, "AUDIT="+audit)
	build.Env = append(withoutMake(os.Environ()), "GOOS=linux", "GOARCH=amd64", "GOENV="+wishes,
		"CGO_ENABLED=1", "GOAMD64=v4", "GOFIPS140=latest", "GOEXPERIMENT=jsonv2", "GOWORK="+filepath.Join(here, "go.work"))
	ran(t, build)
	for program, path := range map[string]string{pluginName: plugin, auditName: audit} {
		archive := filepath.Join(dir, program+"_1.2.3-rc.1_linux_amd64.zip")
		require.Equal(t, sum(unpacked(t, archive, program)), sum([]byte(read(t, path))), program)
	}
}
