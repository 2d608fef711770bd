package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
	"vault-plugin-secrets-itwin/internal/auditlog/render"
	"vault-plugin-secrets-itwin/internal/tokentext"
)

// options are a command's flags and files.
type options struct {
	command string
	tokenID string
	token   string // "-" or empty: a token is never an argument
	reader  string
	vault   bool
	device  string
	scope   inquiry.Scope
	format  string
	output  string
	files   []string
}

// parse reads a command's arguments. It explains errors on t.err, without the values of
// token flags, which may be tokens.
func parse(name string, args []string, t terminal) (options, error) {
	o := options{command: name}
	var since, until string
	flags := o.flags(&since, &until)
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return o, errors.Join(err, manual(t.out, name, flags))
	}
	o.files = flags.Args()
	err = errors.Join(err, o.setTimes(since, until, t.now()))
	if err == nil {
		err = o.check()
	}
	if err != nil {
		t.say("itwin-audit %s: %v\nRun itwin-audit %s -h for help.\n", name, err, name)
		return o, errUsage
	}
	return o, nil
}

func (o *options) flags(since, until *string) *flag.FlagSet {
	flags := flag.NewFlagSet(o.command, flag.ContinueOnError)
	begin := ""
	switch o.command {
	case "readers":
		flags.StringVar(&o.tokenID, "token-id", "", "`ID` of the token: its token_id, or the HMAC that the log shows for it")
		flags.StringVar(&o.token, "token", "", "`-` reads the token itself, hidden or from standard input, and hashes it locally")
		flags.BoolVar(&o.vault, "vault", false, "ask the Vault server at VAULT_ADDR, with VAULT_TOKEN, for the HMAC of the token_id")
		flags.StringVar(&o.device, "device", "file", "`PATH` of the audit device that wrote the log; used with --vault")
	case "tokens":
		flags.StringVar(&o.reader, "reader", "", "`NAME` of the reader: display name, user, AppRole, service account or entity ID")
	case "summary":
		begin = "24h"
	}
	flags.Func("mount", "`PATH` of a mount, including its namespace; repeatable (default: all mounts of the plugin)", func(path string) error {
		o.scope.Mounts = append(o.scope.Mounts, auditlog.MountPath(path))
		return nil
	})
	flags.StringVar(since, "since", begin, "start at this `TIME`: RFC 3339, or a duration before now such as 36h or 7d")
	flags.StringVar(until, "until", "", "end at this `TIME`, in the same formats")
	flags.StringVar(&o.format, "format", "table", "output `FORMAT`: "+strings.Join(render.Formats(), ", "))
	flags.StringVar(&o.output, "output", "", "write the answer to this `FILE`, readable only by you")
	return flags
}

func (o *options) setTimes(since, until string, now time.Time) error {
	var err, untilErr error
	o.scope.Since, err = moment("since", since, now)
	o.scope.Until, untilErr = moment("until", until, now)
	if err == nil && untilErr == nil && !o.scope.Until.IsZero() && o.scope.Until.Before(o.scope.Since) {
		return errors.New("--until is before --since")
	}
	return errors.Join(err, untilErr)
}

// moment parses a time, or a duration before now. Go's durations have no days.
func moment(name, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at, nil
	}
	unit := time.Duration(1)
	if number, days := strings.CutSuffix(value, "d"); days {
		value, unit = number+"h", 24
	}
	before, err := time.ParseDuration(value)
	if err != nil || before < 0 || before > math.MaxInt64/unit {
		return time.Time{}, fmt.Errorf("--%s takes a time such as 2026-11-23T09:00:00Z, or a duration before now such as 36h or 7d", name)
	}
	return now.Add(-before * unit), nil
}

func (o *options) check() error {
	for _, file := range o.files {
		if strings.HasPrefix(file, "-") && file != "-" {
			return errors.New("flags must come before file names")
		}
	}
	switch {
	case !slices.Contains(render.Formats(), o.format):
		return errors.New("--format takes one of: " + strings.Join(render.Formats(), ", "))
	case slices.Contains(o.scope.Mounts, auditlog.MountPath("")):
		return errors.New("--mount takes a path such as itwin, or team-a/itwin in a namespace")
	case o.command == "readers":
		return o.checkToken()
	case o.command == "tokens" && o.reader == "":
		return errors.New("--reader is required")
	}
	return nil
}

// tokenName matches what the log shows of a token: its token_id, or the HMAC of that.
var tokenName = regexp.MustCompile(`^(hmac-sha256:)?[0-9a-f]{64}$`)

func (o *options) checkToken() error {
	if id, ok := tokentext.ID(o.tokenID); ok {
		o.tokenID = id
	}
	switch {
	case o.token != "" && o.token != "-":
		return errors.New("--token takes only -: a token in an argument would be visible to other users and in the shell history. " +
			"Type the token when asked, or pipe it to standard input")
	case (o.token == "") == (o.tokenID == ""):
		return errors.New("give either --token-id or --token -")
	case o.tokenID != "" && !tokenName.MatchString(o.tokenID):
		return errors.New("--token-id takes the 64 hex digits of a token_id, or its HMAC from a log; for the token itself, use --token -")
	case o.vault && strings.HasPrefix(o.tokenID, "hmac-"):
		return errors.New("--vault has no effect with an HMAC: remove it, or give the token_id")
	}
	return nil
}
