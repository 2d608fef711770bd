package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Options say what to release, from where, and to where.
type Options struct {
	Root    string // the repository
	Version string // a SemVer with a leading v
	// Out is the folder that the files land in. One that an earlier run made is replaced, as a whole.
	Out string
	// Platforms are those to build for, as linux/amd64; none means all of AllPlatforms.
	Platforms []string
	// AllowUncommitted builds from a checkout as it is, with changes that no commit holds. For tests.
	AllowUncommitted bool
}

// Build makes the release. When it fails, or the context ends, Out is as it was before.
func Build(ctx context.Context, o Options) error {
	platforms, err := o.check(ctx)
	if err != nil {
		return err
	}
	// make has a working folder of its own.
	if o.Out, err = filepath.Abs(o.Out); err != nil {
		return fmt.Errorf("finding the folder for the release: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(o.Out), 0o755); err != nil {
		return fmt.Errorf("making the folder for releases: %w", err)
	}
	// Beside Out, so that both are on one file system, and the last step is one rename.
	work, err := os.MkdirTemp(filepath.Dir(o.Out), ".release-*")
	if err != nil {
		return fmt.Errorf("making a folder to work in: %w", err)
	}
	r := run{Options: o, platforms: platforms, binaries: filepath.Join(work, "bin"), files: filepath.Join(work, "files")}
	return errors.Join(r.make(ctx), os.RemoveAll(work))
}

// check finds what is wrong with the options before anything is built.
func (o Options) check(ctx context.Context) ([]Platform, error) {
	if err := checkVersion(o.Version); err != nil {
		return nil, err
	}
	platforms, err := parsePlatforms(o.Platforms)
	if err != nil {
		return nil, err
	}
	if err := checkReplaceable(o.Out); err != nil {
		return nil, err
	}
	if !o.AllowUncommitted {
		err = checkCommitted(ctx, o.Root)
	}
	return platforms, err
}

// run is one release in the making.
type run struct {
	Options
	platforms []Platform
	binaries  string // a folder for each platform's
	files     string // becomes Out
}

// make builds, packs, sums up, and puts it all in place.
func (r run) make(ctx context.Context) error {
	if err := os.Mkdir(r.files, 0o755); err != nil {
		return fmt.Errorf("making a folder to work in: %w", err)
	}
	built, err := r.compile(ctx)
	if err != nil {
		return err
	}
	for _, step := range []func([]binary) error{r.archive} {
		if err := step(built); err != nil {
			return err
		}
	}
	if err := writeSums(r.files); err != nil {
		return err
	}
	return replace(r.Out, r.files)
}
