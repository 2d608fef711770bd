package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// replace writes a new file and renames it to path. The caller owns it and nobody else can
// read it, no matter who owned the previous file or has it open; if anything fails, the
// previous file stays. A symbolic link is not followed, since another user may have made it.
func replace(path string, text []byte) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; without --output, the answer goes to standard output", path)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".itwin-audit-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(file.Name()))
	}
	return err
}
