package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tarEntry is a file in a tar, or a folder if the name ends in a slash. All are root's and as old as the epoch.
type tarEntry struct {
	name    string
	mode    fs.FileMode
	content []byte
}

func (e tarEntry) write(to *tar.Writer) error {
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: e.name, Mode: int64(e.mode), Size: int64(len(e.content)), ModTime: epoch(),
		Format: tar.FormatUSTAR,
	}
	if strings.HasSuffix(e.name, "/") {
		header.Typeflag = tar.TypeDir
	}
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	_, err := to.Write(e.content)
	return err
}

// newLayer is a layer of the image.
func newLayer(entries []tarEntry) (v1.Layer, error) {
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	for _, e := range entries {
		if err := e.write(writer); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// tarFolder packs all that is in a folder, by name.
func tarFolder(path, dir string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the tar: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	writer := tar.NewWriter(file)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		e := tarEntry{name: filepath.ToSlash(name), mode: 0o644}
		if entry.IsDir() {
			e.name, e.mode = e.name+"/", 0o755
		} else if e.content, err = os.ReadFile(path); err != nil {
			return err
		}
		return e.write(writer)
	})
	if err := errors.Join(err, writer.Close()); err != nil {
		return fmt.Errorf("writing the tar: %w", err)
	}
	return nil
}
