// Command demo shows the plugin at work in a real Vault, on free ports of this machine: every line that it prints
// after a $ is run by bash exactly so, and what follows is its real output; only curl, which not every machine has, is
// the demo's own request. It removes all it made when it ends.
//
//	demo        the tour
//	demo dev    the same set-up, left running until Ctrl-C
//
// make demo and make dev run it. VAULT_BIN, PLUGIN_BIN and PLUGIN_VERSION say what to run. By default an emulator
// stands in for Bentley's identity provider (IMS) and the iTwin Platform; with ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET
// set, it is the real ones, or those at ITWIN_AUTHORITY and ITWIN_API_URL.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	// The emulator's OIDC library logs each request to the default logger.
	slog.SetDefault(slog.New(slog.DiscardHandler))

	// SIGPIPE too: without it, `make demo | head` would end the process before it could clean up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case interrupted:
		_, _ = fmt.Fprintln(os.Stderr, "\ndemo: interrupted; everything it started has ended")
		os.Exit(130)
	default:
		_, _ = fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// run sets up, tells the story or keeps running, and tears down. Its errors hold no secret and no token.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) (err error) {
	started := time.Now()
	settings, err := readSettings(args, getenv)
	if err != nil {
		return err
	}
	d, err := newDemo(settings, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()

	if err := d.tell(ctx, d.setUp()); err != nil {
		return d.explain(err)
	}
	if settings.keepRunning {
		return d.explain(d.keepRunning(ctx))
	}
	if err := d.tell(ctx, d.tour()); err != nil {
		return d.explain(err)
	}
	d.shell.say("\nDone in %.1f s, and all of it is gone. `make dev` leaves the same set-up running for you to try; README.md tells the rest.",
		time.Since(started).Seconds())
	return nil
}
