package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// checkCommitted refuses a checkout that differs from its commit: nobody could build that release again. A folder that
// is no checkout, such as an unpacked archive of the sources, has nothing to differ from.
func checkCommitted(ctx context.Context, root string) error {
	if _, err := os.Stat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	status := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain")
	changed, err := output(status)
	if err != nil {
		return fmt.Errorf("asking git for uncommitted changes: %w", err)
	}
	if changed != "" {
		return fmt.Errorf("these files aren't committed:\n%s\ncommit them, or `git stash -u` them, and try again", changed)
	}
	return nil
}

// output is what a command prints, or an error that says what it complained of.
func output(cmd *exec.Cmd) (string, error) {
	var complaints strings.Builder
	cmd.Stderr = &complaints
	printed, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd.Args[0], err, strings.TrimSpace(complaints.String()))
	}
	return strings.TrimRight(string(printed), "\n"), nil
}

// checkReplaceable refuses to remove a folder that holds something else than a release.
func checkReplaceable(out string) error {
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking into the folder for the release: %w", err)
	}
	if _, err := os.Stat(filepath.Join(out, sumsFile)); err != nil {
		return fmt.Errorf("%s holds no release that could be replaced: name another folder, or remove this one", out)
	}
	return nil
}

// replace puts a finished folder in the place of an earlier one. The earlier one is moved into the finished one's
// parent first, and back if that's as far as it went.
func replace(out, finished string) error {
	earlier := filepath.Join(filepath.Dir(finished), "earlier")
	err := os.Rename(out, earlier)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("putting the earlier release aside: %w", err)
	}
	existed := err == nil
	if err := os.Rename(finished, out); err != nil {
		if existed {
			err = errors.Join(err, os.Rename(earlier, out))
		}
		return fmt.Errorf("putting the release in its place: %w", err)
	}
	return nil
}
