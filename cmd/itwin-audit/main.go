// Command itwin-audit reads Vault's audit log and reports who received which iTwin token,
// which tokens a reader received, and what happened on the engine's mounts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"
)

// version is set at build time by -ldflags "-X main.version=v1.2.3".
var version = ""

// Exit codes, like those of grep.
const (
	exitFound   = 0
	exitNothing = 1
	exitError   = 2
)

// errUsage means that the user has already been told what is wrong.
var errUsage = errors.New("usage")

// terminal is the command's environment.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	now      func() time.Time
	// hidden reads a line without echoing it; nil if in is not a terminal.
	hidden func() ([]byte, error)
	// shows is true if err is a terminal, where progress is drawn.
	shows bool
}

// say writes to standard error. It ignores write errors.
func (t terminal) say(format string, args ...any) { _, _ = fmt.Fprintf(t.err, format, args...) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, realTerminal(), os.Args[1:])
	stop()
	os.Exit(code)
}

func realTerminal() terminal {
	t := terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now, shows: term.IsTerminal(int(os.Stderr.Fd()))}
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		t.hidden = func() ([]byte, error) { return term.ReadPassword(stdin) }
	}
	return t
}

// run runs a command and returns its exit code.
func run(ctx context.Context, t terminal, args []string) int {
	found, err := dispatch(ctx, t, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitFound
	case errors.Is(err, errUsage):
		return exitError
	case err != nil:
		t.say("itwin-audit: %v\n", err)
		return exitError
	case !found:
		return exitNothing
	}
	return exitFound
}

// dispatch runs a command and reports whether it found anything.
func dispatch(ctx context.Context, t terminal, args []string) (bool, error) {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "readers", "tokens", "summary":
		options, err := parse(name, args, t)
		if err != nil {
			return false, err
		}
		return options.answer(ctx, t)
	case "-version", "--version":
		_, err := fmt.Fprintln(t.out, runningVersion())
		return true, err
	case "-h", "-help", "--help", "help":
		_, err := fmt.Fprint(t.out, overview)
		return true, err
	}
	t.say("%s", overview)
	return false, errUsage
}

// runningVersion returns the version that the linker set, or else the one that `go install` recorded.
func runningVersion() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok {
		return info.Main.Version
	}
	return version
}
