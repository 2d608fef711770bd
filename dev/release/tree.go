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

// checkSources refuses a checkout from which nobody could build the release again: one that differs from its commit, or
// that isn't the commit which bears the version's tag. A folder that is no checkout, such as an unpacked archive of the
// sources, has nothing to differ from.
func checkSources(ctx context.Context, root, version string) error {
	if _, err := os.Stat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	git := func(args ...string) (string, error) {
		return output(exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...))
	}
	// Go builds what git doesn't know of, whatever the user's own git says of it.
	changed, err := git("status", "--porcelain", "--untracked-files=all")
	if err != nil {
		return fmt.Errorf("asking git for uncommitted changes: %w", err)
	}
	if changed != "" {
		return fmt.Errorf("these files aren't committed:\n%s\ncommit them, or `git stash -u` them, and try again", changed)
	}
	tagged, err := git("for-each-ref", "--format=%(objectname) %(*objectname)", "refs/tags/"+version)
	if err != nil {
		return fmt.Errorf("asking git for the tag %s: %w", version, err)
	}
	head, err := git("rev-parse", "HEAD")
	if err != nil {
		return fmt.Errorf("asking git what is checked out: %w", err)
	}
	if tagged != "" && !strings.Contains(tagged, head) {
		return fmt.Errorf("the tag %s is of another commit than what is checked out: `git checkout %[1]s`, or give another VERSION", version)
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
