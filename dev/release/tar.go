package release

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

// tarOpener packs the entries, and returns what reads the result from its start.
func tarOpener(entries []tarEntry) (func() (io.ReadCloser, error), error) {
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	for _, e := range entries {
		if err := e.write(writer); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }, err
}

// tarFolder packs all that is in a folder, by name.
func tarFolder(path, dir string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("packing the image: %w", err)
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
		return fmt.Errorf("packing the image: %w", err)
	}
	return nil
}
