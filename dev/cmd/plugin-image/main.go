// Command plugin-image packs the plugin into an OCI image for all of its Linux platforms: Vault runs such an image in a
// container, OpenBao takes the binary out of its root folder. goreleaser runs it in its own folder.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

const pluginName = "vault-plugin-secrets-itwin"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: plugin-image <version> <tar>")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "plugin-image:", err)
		os.Exit(1)
	}
}

// pack writes a tar that holds the image, as an OCI layout.
func pack(version, path string) (err error) {
	// goreleaser has a folder for each platform.
	binaries, err := filepath.Glob(filepath.Join("plugin_linux_*", pluginName))
	if err != nil {
		return err
	}
	index, err := newIndex(version, binaries)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "oci-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	// skopeo and Podman look for the first, containerd and Docker for the second.
	names := layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": version,
		"io.containerd.image.name":          "docker.io/library/" + pluginName + ":" + version,
	})
	if err := files.AppendIndex(index, names); err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	packed, err := tarOf(os.DirFS(dir), 0o644)
	if err != nil {
		return err
	}
	return os.WriteFile(path, packed, 0o644)
}
