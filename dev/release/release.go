package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
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
	// Extra are files that were made elsewhere and belong to the release as well.
	Extra []string
	// GPGKey is the key that signs the sums, as gpg's --local-user takes it; none means no such signature.
	GPGKey string
	// CosignKey is the key that signs them, as cosign's --key takes it; none means no such signature.
	CosignKey string
	// AllowUncommitted builds from a checkout as it is, with changes that no commit holds. For tests.
	AllowUncommitted bool
	// Report is told what goes on, line by line; nil means nobody is.
	Report io.Writer
}

// Build makes the release. When it fails, or the context ends, Out is as it was before.
func Build(ctx context.Context, o Options) error {
	r, err := o.check(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.Out), 0o755); err != nil {
		return fmt.Errorf("making the folder for releases: %w", err)
	}
	// Beside Out, so that both are on one file system, and the last step is one rename.
	if r.work, err = os.MkdirTemp(filepath.Dir(r.Out), ".release-*"); err != nil {
		return fmt.Errorf("making a folder to work in: %w", err)
	}
	r.files = filepath.Join(r.work, "files")
	err = r.make(ctx)
	if ctx.Err() != nil && err != nil {
		// What a program says that was told to end explains nothing.
		err = fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	return errors.Join(err, os.RemoveAll(r.work))
}

// check finds what is wrong with the options before anything is built.
func (o Options) check(ctx context.Context) (r run, err error) {
	r.Options = o
	if err := checkVersion(o.Version); err != nil {
		return r, err
	}
	if r.platforms, err = parsePlatforms(o.Platforms); err != nil {
		return r, err
	}
	if r.Out, err = filepath.Abs(o.Out); err != nil {
		return r, fmt.Errorf("finding the folder for the release: %w", err)
	}
	if err := checkReplaceable(r.Out); err != nil {
		return r, err
	}
	if r.signs, err = o.signers(ctx); err != nil {
		return r, err
	}
	if !o.AllowUncommitted {
		err = checkSources(ctx, o.Root, o.Version)
	}
	return r, err
}

// run is one release in the making.
type run struct {
	Options
	platforms []Platform
	signs     []signer
	work      string // a folder, removed at the end
	files     string // a folder that becomes Out
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
	for _, step := range []func([]binary) error{r.archive, r.billsOfMaterials, r.image, r.notes} {
		if err := step(built); err != nil {
			return err
		}
	}
	if err := r.extra(); err != nil {
		return err
	}
	if err := writeSums(r.files); err != nil {
		return err
	}
	for _, s := range r.signs {
		if err := s.sign(ctx, filepath.Join(r.files, sumsFile), r.work); err != nil {
			return fmt.Errorf("signing %s: %w", sumsFile, err)
		}
	}
	if err := replace(r.Out, r.files); err != nil {
		return err
	}
	r.say("%s is in %s", r.Version, r.Out)
	if len(r.signs) == 0 {
		r.say("not signed: nobody can tell who made it. To sign it, run `make release VERSION=%s GPG_KEY=<key id>` "+
			"or `make release VERSION=%[1]s COSIGN_KEY=<file or URI>`", r.Version)
	}
	return nil
}

// say reports a line.
func (r run) say(format string, args ...any) {
	if r.Report != nil {
		log.New(r.Report, "release: ", 0).Printf(format, args...)
	}
}
