package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/pem"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// imageUser is nobody in particular, by number: a Kubernetes that wants runAsNonRoot can't resolve names.
const imageUser = "65532:65532"

// newIndex makes the image for all platforms.
func newIndex(version string, binaries []string) (v1.ImageIndex, error) {
	roots, err := newLayer(rootsEntries())
	if err != nil {
		return nil, fmt.Errorf("packing the trusted roots: %w", err)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, path := range binaries {
		platform, err := platformOf(path)
		if err != nil {
			return nil, err
		}
		image, err := newImage(version, path, platform, roots)
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", path, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	annotated, ok := mutate.Annotations(index, labels(version)).(v1.ImageIndex)
	if !ok {
		return nil, fmt.Errorf("annotating makes a %T of an index", annotated)
	}
	return annotated, nil
}

// platformOf reads what a binary was built for, in OCI's words: the variant is what Go calls GOARM and GOARM64.
func platformOf(path string) (v1.Platform, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return v1.Platform{}, fmt.Errorf("reading how %s was built: %w", path, err)
	}
	var platform v1.Platform
	for _, setting := range info.Settings {
		switch setting.Key {
		case "GOOS":
			platform.OS = setting.Value
		case "GOARCH":
			platform.Architecture = setting.Value
			platform.Variant = map[string]string{"arm": "v7", "arm64": "v8"}[setting.Value]
		}
	}
	return platform, nil
}

// newImage makes the image for one platform.
func newImage(version, path string, platform v1.Platform, roots v1.Layer) (v1.Image, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	program, err := newLayer([]tarEntry{{name: pluginName, mode: 0o755, content: content}})
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	configured, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant,
		Created: v1.Time{Time: epoch()},
		RootFS:  v1.RootFS{Type: "layers"},
		Config:  v1.Config{User: imageUser, Entrypoint: []string{"/" + pluginName}, Labels: labels(version)},
	})
	if err != nil {
		return nil, err
	}
	made := v1.History{Created: v1.Time{Time: epoch()}}
	image, err := mutate.Append(configured,
		mutate.Addendum{Layer: roots, History: made}, mutate.Addendum{Layer: program, History: made})
	if err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(image, labels(version)).(v1.Image)
	if !ok {
		return nil, fmt.Errorf("annotating makes a %T of an image", annotated)
	}
	return annotated, nil
}

// labels say what the image is, to those who look at its labels and to those who look at its annotations.
func labels(version string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       pluginName,
		"org.opencontainers.image.description": "Vault secrets engine for the Bentley iTwin Platform",
		"org.opencontainers.image.version":     version,
	}
}

// rootsEntries are the files of the layer with the trusted roots: the image starts from none, and the plugin speaks TLS.
func rootsEntries() []tarEntry {
	return []tarEntry{
		{name: "etc/", mode: 0o755},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		// The first place where Go looks on Linux.
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: trustedRoots()},
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
