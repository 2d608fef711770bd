// Command ims-emulator serves the emulator of IMS and of the iTwin Platform for demos and scripts; see -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"vault-plugin-secrets-itwin/dev/emulator"
)

func main() {
	// The OIDC library logs each route and each refused request to the default logger.
	slog.SetDefault(slog.New(slog.DiscardHandler))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "ims-emulator:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. Its one line of output tells the address.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	options, err := parseOptions(args, getenv, stderr)
	if err != nil {
		return err
	}
	ims, err := emulator.Start(options)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(stdout, "listening on", ims.URL()); err != nil {
		return errors.Join(err, ims.Close())
	}
	<-ctx.Done()
	return ims.Close()
}
