// Command itwin-audit answers from Vault's audit log who was handed which iTwin
// token, which tokens somebody was handed, and what went on.
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

// version is set at build time, by -ldflags "-X main.version=v1.2.3".
var version = ""

// Exit codes, as grep's.
const (
	exitFound   = 0
	exitNothing = 1
	exitError   = 2
)

// errUsage has been explained already.
var errUsage = errors.New("usage")

// terminal is the world that the command runs in.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	now      func() time.Time
	// hidden reads a line that isn't shown while it is typed; nil if in is no terminal.
	hidden func() ([]byte, error)
	// shows tells whether err is a terminal, on which progress is drawn.
	shows bool
}

// say tells the person at the terminal. That it can't be told is nothing to fail for.
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

// run returns the exit code.
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

// dispatch runs a command, and tells whether it found anything.
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

// runningVersion is what the linker set, else what `go install` recorded.
func runningVersion() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok {
		return info.Main.Version
	}
	return version
}
