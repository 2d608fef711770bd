package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// replace puts a new file in the place of an older one. So it is readable by its owner
// alone, who is the caller, whoever owned the older one, had it open, or could read it;
// and the older one stays if anything fails. A link isn't followed: it may be somebody
// else's, to a file that was never meant.
func replace(path string, text []byte) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file; without --output, the answer goes to standard output", path)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".itwin-audit-*") // with 0600
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
