// Command release makes what users download of a version; `make release VERSION=v1.2.3` runs it. See -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"vault-plugin-secrets-itwin/dev/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run makes the release that the arguments ask for.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	options, err := parse(args, stderr)
	if err != nil {
		return err
	}
	return release.Build(ctx, options)
}

func parse(args []string, stderr io.Writer) (release.Options, error) {
	o := release.Options{Report: stderr}
	var platforms string
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Root, "root", "..", "the repository")
	flags.StringVar(&o.Version, "version", "", "what to release, such as v1.2.3")
	flags.StringVar(&o.Out, "out", "", "the folder for the files (default: dist/<version> in the repository)")
	flags.StringVar(&platforms, "platforms", "", "what to build for, such as linux/amd64,linux/arm64 (default: all)")
	flags.Func("extra", "a file made elsewhere that belongs to the release; may be given several times", func(path string) error {
		o.Extra = append(o.Extra, path)
		return nil
	})
	flags.StringVar(&o.GPGKey, "gpg-key", os.Getenv("GPG_KEY"), "the key that signs SHA256SUMS, for gpg (default: $GPG_KEY)")
	flags.StringVar(&o.CosignKey, "cosign-key", os.Getenv("COSIGN_KEY"), "the key that signs SHA256SUMS, for cosign (default: $COSIGN_KEY)")
	flags.BoolVar(&o.AllowUncommitted, "allow-uncommitted", false, "build a checkout with changes that no commit holds, to try it")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no option: see -h", flags.Arg(0))
	}
	if o.Out == "" {
		o.Out = filepath.Join(o.Root, "dist", o.Version)
	}
	if platforms != "" {
		o.Platforms = strings.Split(platforms, ",")
	}
	return o, nil
}
