package release

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

// entries are the files and folders of a tar, by name; the names are in the tar's order.
func entries(t *testing.T, from io.Reader) (files map[string][]byte, headers map[string]*tar.Header) {
	t.Helper()
	files, headers = make(map[string][]byte), make(map[string]*tar.Header)
	for reader := tar.NewReader(from); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, headers
		}
		require.NoError(t, err)
		require.NotContains(t, headers, header.Name)
		headers[header.Name] = header
		files[header.Name], err = io.ReadAll(reader)
		require.NoError(t, err)
	}
}

// opened is the index in an image's tar, and the descriptor that names it.
func opened(t *testing.T, path string) (v1.ImageIndex, v1.Descriptor) {
	t.Helper()
	dir := t.TempDir()
	file, err := os.Open(path)
	require.NoError(t, err)
	files, headers := entries(t, file)
	require.NoError(t, file.Close())
	for name, content := range files {
		if headers[name].Typeflag == tar.TypeReg {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		}
	}
	all, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	require.NoError(t, validate.Index(all))
	manifest, err := all.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1, "a tar with one image needs no name to take it out again")
	index, err := all.ImageIndex(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	return index, manifest.Manifests[0]
}

func testImage(t *testing.T, dir string) {
	t.Helper()
	index, named := opened(t, filepath.Join(dir, pluginName+"_1.2.3-rc.1_oci.tar"))
	require.Equal(t, map[string]string{
		"org.opencontainers.image.ref.name": "1.2.3-rc.1",
		"io.containerd.image.name":          "docker.io/library/vault-plugin-secrets-itwin:1.2.3-rc.1",
	}, named.Annotations)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Equal(t, "1.2.3-rc.1", manifest.Annotations["org.opencontainers.image.version"])
	var platforms []string
	for _, each := range manifest.Manifests {
		platforms = append(platforms, each.Platform.String())
		image, err := index.Image(each.Digest)
		require.NoError(t, err)
		testImageConfig(t, image)
		archive := filepath.Join(dir, pluginName+"_1.2.3-rc.1_linux_"+each.Platform.Architecture+".zip")
		testImageFiles(t, image, sum(unpacked(t, archive, pluginName)))
	}
	want := []string{"linux/386", "linux/amd64"}
	if reproduces() {
		want = []string{"linux/386", "linux/amd64", "linux/arm64/v8", "linux/arm/v7"}
	}
	require.Equal(t, want, platforms)
}

func testImageConfig(t *testing.T, image v1.Image) {
	t.Helper()
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, []string{"/" + pluginName}, config.Config.Entrypoint)
	require.Equal(t, "65532:65532", config.Config.User)
	require.Equal(t, pluginName, config.Config.Labels["org.opencontainers.image.title"])
	require.Equal(t, "1.2.3-rc.1", config.Config.Labels["org.opencontainers.image.version"])
	require.True(t, config.Created.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)))
	manifest, err := image.Manifest()
	require.NoError(t, err)
	require.Equal(t, pluginName, manifest.Annotations["org.opencontainers.image.title"])
}

// testImageFiles looks at the image's files as OpenBao does when it takes the plugin out.
func testImageFiles(t *testing.T, image v1.Image, plugin string) {
	t.Helper()
	content := mutate.Extract(image)
	files, headers := entries(t, content)
	require.NoError(t, content.Close())
	require.Equal(t, byte(tar.TypeReg), headers[pluginName].Typeflag)
	require.Equal(t, int64(0o755), headers[pluginName].Mode)
	require.Equal(t, plugin, sum(files[pluginName]), "the image holds the binary of the archive")
	require.Equal(t, int64(0o644), headers["etc/ssl/certs/ca-certificates.crt"].Mode)
	require.Len(t, files, 5)
	testRoots(t, files["etc/ssl/certs/ca-certificates.crt"])
}

// testRoots reads the roots as Go does when it looks for those of the machine.
func testRoots(t *testing.T, list []byte) {
	t.Helper()
	require.True(t, x509.NewCertPool().AppendCertsFromPEM(list))
	require.Greater(t, bytes.Count(list, []byte("BEGIN CERTIFICATE")), 50)
	for block, rest := pem.Decode(list); block != nil; block, rest = pem.Decode(rest) {
		root, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		require.True(t, root.IsCA)
		require.NotContains(t, root.Subject.String(), "Izenpe", "trusted on a condition that PEM can't say")
	}
}
