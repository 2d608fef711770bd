package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	envClientID     = "IMS_EMULATOR_CLIENT_ID"
	envClientSecret = "IMS_EMULATOR_CLIENT_SECRET"
)

const usage = `Usage: ims-emulator [flags]

Stands in for Bentley's identity provider (IMS) and for two endpoints of the iTwin Platform, with one service app.
Prints "listening on URL" and serves until SIGINT or SIGTERM. For tests and demos; give it no real secret.

Served:
  POST /connect/token                           client credentials, form-encoded or Basic
  GET  /.well-known/openid-configuration        discovery
  GET  /.well-known/openid-configuration/jwks   signing keys
  POST /connect/introspect                      RFC 7662, for an app that authenticates
  POST /connect/revocation                      RFC 7009; the token stays what it was
  GET  /connect/userinfo                        refuses the tokens of service apps
  GET  /users/me                                Accept: application/vnd.bentley.itwin-platform.v1+json
  GET  /accesscontrol/itwins/{id}/permissions   Accept: application/vnd.bentley.itwin-platform.v2+json

Control, while it runs:
  PUT    /_emulator/fault       misbehave, until DELETE or the next PUT for the same endpoint
  DELETE /_emulator/fault       behave again
  POST   /_emulator/key         sign with a new key from now on
  DELETE /_emulator/keys        publish no other key than the one that signs
  GET    /_emulator/exchanges   how many requests reached /connect/token

The body of PUT /_emulator/fault is JSON, each field optional:
  at                "token" (default), "keys" or "platform"
  every             fail only each nth request
  delay             wait before the answer, as in "2s"; alone, the answer is late but right
  hang              true takes requests and never answers
  drop_connections  true closes connections without an answer; the listener stays, as control needs it
  echo              refuse with the secret in the description, in a form such as "html"; a wrong name is answered with all
  error             OAuth error code, or the Platform's; with description
  status            HTTP status; with body and content_type, else a maintenance page or the Platform's JSON
  retry_after       seconds, sent as Retry-After; alone, it means status 429
  same_token        true answers with the first token again and again
  fields            JSON object that replaces fields of the answer, as {"expires_in":"59.9"}; null removes one
  prefix            text before the body, such as a byte order mark, "\ufeff"
  gzip              true compresses the answer

  curl -X PUT -d '{"status":503,"every":3}' http://127.0.0.1:PORT/_emulator/fault

Flags:
`

func parseOptions(args []string, getenv func(string) string, output io.Writer) (emulator.Options, error) {
	app := emulator.App{ITwins: make(map[string][]string)}
	options := emulator.Options{}
	flags := flag.NewFlagSet("ims-emulator", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() {
		_, _ = io.WriteString(output, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&options.Addr, "addr", "127.0.0.1:0", "host and port to listen on; port 0 takes a free one")
	flags.StringVar(&app.ClientID, "client-id", "", "the app's client id; by default $"+envClientID)
	flags.StringVar(&app.ClientSecret, "client-secret", "", "the app's secret; by default $"+envClientSecret)
	scopes := flags.String("scopes", "itwin-platform", "the app's scopes, separated by spaces or commas")
	flags.DurationVar(&options.Lifetime, "lifetime", time.Hour, "how long a token lives, in whole seconds")
	flags.Func("itwin", "`id=permission,...` of an iTwin the app is a member of; repeatable", func(value string) error {
		return addITwin(app.ITwins, value)
	})
	if err := flags.Parse(args); err != nil {
		return emulator.Options{}, err
	}
	if flags.NArg() > 0 {
		return emulator.Options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	// Not as the flags' defaults: -h would print the secret.
	app.ClientID = cmp.Or(app.ClientID, getenv(envClientID))
	app.ClientSecret = cmp.Or(app.ClientSecret, getenv(envClientSecret))
	app.Scopes = strings.FieldsFunc(*scopes, isSeparator)
	options.Apps = []emulator.App{app}
	return options, check(options.Lifetime, app)
}

func check(lifetime time.Duration, app emulator.App) error {
	switch {
	case app.ClientID == "":
		return errors.New("give -client-id or set " + envClientID)
	case app.ClientSecret == "":
		return errors.New("give -client-secret or set " + envClientSecret)
	case len(app.Scopes) == 0:
		return errors.New("-scopes must name at least one scope")
	case lifetime < time.Second:
		return errors.New("-lifetime must be at least 1s")
	}
	return nil
}

func addITwin(iTwins map[string][]string, value string) error {
	id, permissions, _ := strings.Cut(value, "=")
	if id == "" {
		return errors.New("the iTwin's id is missing")
	}
	iTwins[id] = append(iTwins[id], strings.FieldsFunc(permissions, isSeparator)...)
	return nil
}

func isSeparator(r rune) bool { return r == ' ' || r == ',' }
