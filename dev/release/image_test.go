package release

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

func testImage(t *testing.T, dir string) {
	t.Helper()
	unpacked := t.TempDir()
	run(t, unpacked, "tar", "-xf", filepath.Join(dir, pluginName+"_1.2.3-rc.1_oci.tar"))
	all, err := layout.ImageIndexFromPath(unpacked)
	require.NoError(t, err)
	require.NoError(t, validate.Index(all))
	named, err := all.IndexManifest()
	require.NoError(t, err)
	require.Len(t, named.Manifests, 1, "a tar with one image needs no name to take it out again")
	require.Equal(t, map[string]string{
		"org.opencontainers.image.ref.name": "1.2.3-rc.1",
		"io.containerd.image.name":          "docker.io/library/vault-plugin-secrets-itwin:1.2.3-rc.1",
	}, named.Manifests[0].Annotations)
	index, err := all.ImageIndex(named.Manifests[0].Digest)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Equal(t, "1.2.3-rc.1", manifest.Annotations["org.opencontainers.image.version"])
	var platforms []string
	for _, each := range manifest.Manifests {
		platforms = append(platforms, each.Platform.String())
		image, err := index.Image(each.Digest)
		require.NoError(t, err)
		testPlatform(t, image, filepath.Join(dir, pluginName+"_1.2.3-rc.1_linux_"+each.Platform.Architecture+".zip"))
	}
	want := []string{"linux/386", "linux/amd64"}
	if reproduces() {
		want = append(want, "linux/arm64/v8", "linux/arm/v7")
	}
	require.Equal(t, want, platforms)
}

// testPlatform looks at the image's files as OpenBao does when it takes the plugin out.
func testPlatform(t *testing.T, image v1.Image, archive string) {
	t.Helper()
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, []string{"/" + pluginName}, config.Config.Entrypoint)
	require.Equal(t, "65532:65532", config.Config.User)
	require.Equal(t, "1.2.3-rc.1", config.Config.Labels["org.opencontainers.image.version"])
	require.True(t, config.Created.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)))

	content := mutate.Extract(image)
	defer func() { require.NoError(t, content.Close()) }()
	files, modes := make(map[string][]byte), make(map[string]int64)
	for reader := tar.NewReader(content); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		modes[header.Name] = header.Mode
		files[header.Name], err = io.ReadAll(reader)
		require.NoError(t, err)
	}
	const roots = "etc/ssl/certs/ca-certificates.crt" // where Go looks first
	require.Equal(t, map[string]int64{"etc": 0o755, "etc/ssl": 0o755, "etc/ssl/certs": 0o755, roots: 0o644, pluginName: 0o755}, modes)
	require.Equal(t, sum(unpacked(t, archive, pluginName)), sum(files[pluginName]), "the image holds the binary of the archive")
	require.True(t, x509.NewCertPool().AppendCertsFromPEM(files[roots]))
	require.Greater(t, bytes.Count(files[roots], []byte("BEGIN CERTIFICATE")), 50)
}
