package release

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// imageUser is nobody in particular, by number: a Kubernetes that wants runAsNonRoot can't resolve names.
	imageUser = "65532:65532"
	// rootsFile is the first place where Go looks for trusted roots on Linux.
	rootsFile = "etc/ssl/certs/ca-certificates.crt"
)

// image packs the plugin for Linux into an OCI image for all of its platforms: Vault runs such an image in a container,
// OpenBao takes the binary out of its root folder.
func (r run) image(built []binary) error {
	plugins := slices.DeleteFunc(slices.Clone(built), func(b binary) bool {
		return b.program != pluginName || b.platform.OS != "linux"
	})
	if len(plugins) == 0 {
		return nil
	}
	index, err := r.index(plugins)
	if err != nil {
		return fmt.Errorf("making the image: %w", err)
	}
	dir := filepath.Join(r.work, "oci")
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	// skopeo and Podman look for the first, containerd and Docker for the second.
	names := layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": bare(r.Version),
		"io.containerd.image.name":          "docker.io/library/" + pluginName + ":" + bare(r.Version),
	})
	if err := path.AppendIndex(index, names); err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	return tarFolder(filepath.Join(r.files, fmt.Sprintf("%s_%s_oci.tar", pluginName, bare(r.Version))), dir)
}

// index is the image for all platforms.
func (r run) index(plugins []binary) (v1.ImageIndex, error) {
	roots, err := layer("the roots", rootsEntries)
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range plugins {
		program, err := layer("the plugin", b.entries)
		if err != nil {
			return nil, err
		}
		image, err := r.imageFor(b, roots, program)
		if err != nil {
			return nil, fmt.Errorf("for %s: %w", b.platform, err)
		}
		platform := b.platform.oci()
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	annotated, ok := mutate.Annotations(index, r.labels()).(v1.ImageIndex)
	if !ok {
		return nil, fmt.Errorf("annotating makes a %T of an index", annotated)
	}
	return annotated, nil
}

// imageFor is the image for one platform.
func (r run) imageFor(b binary, layers ...v1.Layer) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	platform := b.platform.oci()
	configured, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant,
		Created: v1.Time{Time: epoch()},
		RootFS:  v1.RootFS{Type: "layers"},
		Config:  v1.Config{User: imageUser, Entrypoint: []string{"/" + pluginName}, Labels: r.labels()},
	})
	if err != nil {
		return nil, err
	}
	var additions []mutate.Addendum
	for _, l := range layers {
		additions = append(additions, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: epoch()}}})
	}
	image, err := mutate.Append(configured, additions...)
	if err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(image, r.labels()).(v1.Image)
	if !ok {
		return nil, fmt.Errorf("annotating makes a %T of an image", annotated)
	}
	return annotated, nil
}

// labels say what the image is, to those who look at its labels and to those who look at its annotations.
func (r run) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       pluginName,
		"org.opencontainers.image.description": "Vault secrets engine for the Bentley iTwin Platform",
		"org.opencontainers.image.version":     bare(r.Version),
	}
}

// oci is the platform in OCI's words: the variant is what Go calls GOARM and GOARM64.
func (p Platform) oci() v1.Platform {
	variants := map[string]string{"arm": "v7", "arm64": "v8"}
	return v1.Platform{OS: p.OS, Architecture: p.Arch, Variant: variants[p.Arch]}
}

// layer is a layer of the image. The name is for errors.
func layer(name string, entries func() ([]tarEntry, error)) (v1.Layer, error) {
	content, err := entries()
	if err != nil {
		return nil, fmt.Errorf("collecting %s: %w", name, err)
	}
	opener, err := tarOpener(content)
	if err != nil {
		return nil, fmt.Errorf("packing %s: %w", name, err)
	}
	packed, err := tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("compressing %s: %w", name, err)
	}
	return packed, nil
}

// entries are the files of the plugin's layer. OpenBao wants the binary in the root folder.
func (b binary) entries() ([]tarEntry, error) {
	content, err := os.ReadFile(b.path)
	return []tarEntry{{name: pluginName, mode: 0o755, content: content}}, err
}

// rootsEntries are the files of the layer with the trusted roots. An image from scratch has none, and the plugin speaks
// TLS to Bentley.
func rootsEntries() ([]tarEntry, error) {
	return []tarEntry{
		{name: "etc/", mode: 0o755},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: rootsFile, mode: 0o644, content: trustedRoots()},
	}, nil
}
