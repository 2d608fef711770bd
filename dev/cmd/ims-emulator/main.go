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
	"strings"
	"syscall"
	"time"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const usage = `Usage: IMS_EMULATOR_CLIENT_ID=… IMS_EMULATOR_CLIENT_SECRET=… ims-emulator [flags]

Stands in for Bentley's identity provider (IMS) and for a few endpoints of the iTwin Platform, with one service app.
Prints "listening on URL" and serves until SIGINT or SIGTERM. For tests and demos; give it no real secret.

Served:
  POST /connect/token                           client credentials, form-encoded or Basic
  GET  /.well-known/openid-configuration        discovery
  GET  /.well-known/openid-configuration/jwks   signing keys
  GET  /users/me                                Accept: application/vnd.bentley.itwin-platform.v1+json

Control, while it runs:
  PUT    /_emulator/fault   misbehave, until DELETE or the next PUT for the same endpoint
  DELETE /_emulator/fault   behave again

The body of PUT /_emulator/fault is JSON, each field optional:
  at                "token" (default) or "platform"
  every             fail only each nth request
  delay             wait before the answer, as in "2s"; alone, the answer is late but right
  hang              true takes requests and never answers
  drop_connection   true closes connections without an answer
  error             OAuth error code, or the Platform's; with description
  status            HTTP status; with body, else a maintenance page or the Platform's JSON
  retry_after       seconds, sent as Retry-After; alone, it means status 429
  fields            JSON object that replaces fields of the answer, as {"expires_in":"59.9"}; null removes one

  curl -X PUT -d '{"status":503,"every":3}' http://127.0.0.1:PORT/_emulator/fault

Flags:
`

func main() {
	// The OIDC library logs each route and each refused request to the default logger.
	slog.SetDefault(slog.New(slog.DiscardHandler))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "ims-emulator:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. Its one line of output tells the address.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	options, err := parseOptions(args, stderr)
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

// parseOptions takes the app's credentials from the environment: arguments are seen by every user of the machine.
func parseOptions(args []string, output io.Writer) (emulator.Options, error) {
	app := emulator.App{
		ClientID: os.Getenv("IMS_EMULATOR_CLIENT_ID"), ClientSecret: os.Getenv("IMS_EMULATOR_CLIENT_SECRET"),
	}
	var options emulator.Options
	flags := flag.NewFlagSet("ims-emulator", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() {
		_, _ = io.WriteString(output, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&options.Addr, "addr", "127.0.0.1:0", "host and port to listen on; port 0 takes a free one")
	flags.DurationVar(&options.Lifetime, "lifetime", time.Hour, "how long a token lives, in whole seconds")
	scopes := flags.String("scopes", "itwin-platform", "the app's scopes, separated by commas")
	if err := flags.Parse(args); err != nil {
		return options, err
	}
	app.Scopes = strings.Split(*scopes, ",")
	options.Apps = []emulator.App{app}
	switch {
	case flags.NArg() > 0:
		return options, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case app.ClientID == "" || app.ClientSecret == "":
		return options, errors.New("set IMS_EMULATOR_CLIENT_ID and IMS_EMULATOR_CLIENT_SECRET")
	case options.Lifetime < time.Second:
		return options, errors.New("-lifetime must be at least 1s")
	}
	return options, nil
}
