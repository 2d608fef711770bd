package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// sumsFile lists the SHA-256 of each file, as `sha256sum -c` reads it.
const sumsFile = "SHA256SUMS"

// writeSums lists what the folder holds, by name.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("listing what to sum up: %w", err)
	}
	var list strings.Builder
	for _, entry := range entries {
		sum, err := sumOf(filepath.Join(dir, entry.Name()))
		if err != nil {
			return fmt.Errorf("summing up %s: %w", entry.Name(), err)
		}
		fmt.Fprintf(&list, "%s  %s\n", sum, entry.Name())
	}
	if err := os.WriteFile(filepath.Join(dir, sumsFile), []byte(list.String()), 0o644); err != nil {
		return fmt.Errorf("writing the sums: %w", err)
	}
	return nil
}

// sumOf is a file's SHA-256, in hex.
func sumOf(path string) (_ string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
