package release

import (
	"fmt"
	"os"
	"path/filepath"
)

// extra copies the files that were made elsewhere.
func (r run) extra() error {
	for _, path := range r.Extra {
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(r.files, filepath.Base(path)), content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("adding a file to the release: %w", err)
		}
	}
	return nil
}
