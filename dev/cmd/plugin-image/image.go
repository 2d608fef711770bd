package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing/fstest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// epoch is when everything in the image was made, so that the same binaries give the same image.
func epoch() time.Time { return time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC) }

// newIndex makes the image for all platforms.
func newIndex(version string, binaries []string) (v1.ImageIndex, error) {
	// There is no base image, and the plugin needs roots for TLS. On Linux, Go looks here first.
	roots, err := newLayer("etc/ssl/certs/ca-certificates.crt", trustedRoots(), 0o644)
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, path := range binaries {
		architecture := strings.Split(path, "_")[2]
		platform := v1.Platform{
			OS: "linux", Architecture: architecture,
			Variant: map[string]string{"arm": "v7", "arm64": "v8"}[architecture],
		}
		image, err := newImage(version, path, platform, roots)
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", path, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return mutate.Annotations(index, labels(version)).(v1.ImageIndex), nil //nolint:forcetypeassert // as it went in
}

// newImage makes the image for one platform.
func newImage(version, path string, platform v1.Platform, roots v1.Layer) (v1.Image, error) {
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	program, err := newLayer(pluginName, binary, 0o755)
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	configured, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant,
		Created: v1.Time{Time: epoch()},
		RootFS:  v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User:       "65532:65532", // by number: a Kubernetes that wants runAsNonRoot can't resolve names
			Entrypoint: []string{"/" + pluginName},
			Labels:     labels(version),
		},
	})
	if err != nil {
		return nil, err
	}
	made := v1.History{Created: v1.Time{Time: epoch()}}
	image, err := mutate.Append(configured, mutate.Addendum{Layer: roots, History: made}, mutate.Addendum{Layer: program, History: made})
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(image, labels(version)).(v1.Image), nil //nolint:forcetypeassert // as it went in
}

// labels say what the image is, to those who look at its labels and to those who look at its annotations.
func labels(version string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       pluginName,
		"org.opencontainers.image.description": "Vault secrets engine for the Bentley iTwin Platform",
		"org.opencontainers.image.version":     version,
	}
}

// trustedRoots is Mozilla's list, as PEM. A root that Mozilla trusts on a condition isn't in it: PEM can't say that.
func trustedRoots() []byte {
	var list bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			list.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return list.Bytes()
}

// newLayer is a layer of the image with one file in it.
func newLayer(name string, content []byte, mode int64) (v1.Layer, error) {
	packed, err := tarOf(fstest.MapFS{name: {Data: content}}, mode)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed)), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// tarOf packs a folder in the order of names. Everything belongs to root and is as old as the epoch; files have the given mode.
func tarOf(folder fs.FS, mode int64) ([]byte, error) {
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if entry.IsDir() {
			return writer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: epoch()})
		}
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: epoch()}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		_, err = writer.Write(content)
		return err
	})
	err = errors.Join(err, writer.Close())
	return packed.Bytes(), err
}
