package release

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// licenseFile goes into each archive, if the repository has one.
const licenseFile = "LICENSE"

// epoch is when everything in a release was made, as far as the files say: the first moment that a zip can hold.
func epoch() time.Time { return time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC) }

// stem is how the names of a binary's files begin.
func (r run) stem(b binary) string {
	return fmt.Sprintf("%s_%s_%s_%s", b.program, bare(r.Version), b.platform.OS, b.platform.Arch)
}

// archive packs each binary into a zip.
func (r run) archive(built []binary) error {
	for _, b := range built {
		if err := r.archiveOne(b); err != nil {
			return fmt.Errorf("packing %s for %s: %w", b.program, b.platform, err)
		}
	}
	return nil
}

func (r run) archiveOne(b binary) (err error) {
	file, err := os.Create(filepath.Join(r.files, r.stem(b)+".zip"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	packed := zip.NewWriter(file)
	if err := pack(packed, b.platform.file(b.program), b.path, 0o755); err != nil {
		return err
	}
	err = pack(packed, licenseFile, filepath.Join(r.Root, licenseFile), 0o644)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return packed.Close()
}

// pack adds a file under a name.
func pack(packed *zip.Writer, name, path string, mode fs.FileMode) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch()}
	header.SetMode(mode)
	entry, err := packed.CreateHeader(header)
	if err == nil {
		_, err = io.Copy(entry, file)
	}
	return errors.Join(err, file.Close())
}
