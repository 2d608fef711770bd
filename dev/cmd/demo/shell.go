package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// nextLine is where a long line goes on in the next, for people to read; bash takes both for one.
const nextLine = " \\\n  "

// tailLines is how much of a log a failure shows.
const tailLines = 20

// commandTimeout ends a command that hangs; none takes more than seconds.
const commandTimeout = time.Minute

// shell runs lines in bash, in a folder of its own, and prints each line and its output as a terminal would show them.
type shell struct {
	folder string
	out    io.Writer
	redact *redactor
	vars   map[string]string
}

// newShell puts a `vault` on the PATH of its lines that is the given one.
func newShell(folder, vaultBin string, out io.Writer, redact *redactor) (*shell, error) {
	bin := filepath.Join(folder, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	if err := os.Symlink(vaultBin, filepath.Join(bin, "vault")); err != nil {
		return nil, fmt.Errorf("linking Vault: %w", err)
	}
	return &shell{folder: folder, out: out, redact: redact, vars: map[string]string{
		"PATH": bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		// Neither a token nor a token helper of the user's home may get in the way, and nothing is left there.
		"HOME":   folder,
		"TMPDIR": folder,
	}}, nil
}

// say prints a line of the story.
func (s *shell) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

// show prints a line as if it were typed.
func (s *shell) show(line string) { s.say("$ %s", s.redact.clean(line)) }

// print prints what a command put out.
func (s *shell) print(output string) {
	if output = strings.TrimRight(output, "\n"); output != "" {
		s.say("%s", s.redact.clean(output))
	}
}

// run shows lines and runs them one after the other, until one fails.
func (s *shell) run(ctx context.Context, lines ...string) error {
	for _, line := range lines {
		if _, err := s.try(ctx, line); err != nil {
			return s.failed(line, err)
		}
	}
	return nil
}

// try shows a line, runs it, and returns its output, which it has shown too. Its error is bash's own.
func (s *shell) try(ctx context.Context, line string) (string, error) {
	s.show(line)
	output, err := s.bash(ctx, line)
	s.print(output)
	return output, err
}

// refused shows a line whose failure is the point; its output must hold the reason.
func (s *shell) refused(ctx context.Context, reason, line string) error {
	output, err := s.try(ctx, line)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && strings.Contains(output, reason):
		return nil
	case err == nil:
		err = errors.New("it should have been refused")
	}
	return s.failed(line, err)
}

// assign shows name=$(line) and keeps the output as a variable of all later lines.
func (s *shell) assign(ctx context.Context, name, line string) error {
	s.show(name + "=$(" + line + ")")
	output, err := s.bash(ctx, line)
	if err != nil {
		s.print(output)
		return s.failed(line, err)
	}
	s.vars[name] = strings.TrimSpace(output)
	return nil
}

func (s *shell) failed(line string, err error) error {
	return fmt.Errorf("running `%s`: %w", s.redact.clean(strings.ReplaceAll(line, nextLine, " ")), err)
}

func (s *shell) bash(ctx context.Context, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	var output bytes.Buffer
	command := exec.CommandContext(ctx, "bash", "-c", line)
	command.Dir, command.Env = s.folder, s.environment()
	command.Stdout, command.Stderr = &output, &output
	// A group of its own, so that what bash started ends with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	err := command.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return output.String(), err
}

// environment is this process's, without what could change a command's meaning or hold a secret, and the variables.
func (s *shell) environment() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "VAULT_") && !strings.HasPrefix(pair, "ITWIN_") && !strings.HasPrefix(pair, "BASH_ENV=") {
			env = append(env, pair)
		}
	}
	for name, value := range s.vars {
		env = append(env, name+"="+value)
	}
	return env
}

// tail shows the end of a log.
func (s *shell) tail(name string) {
	log, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		log = []byte(err.Error())
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	s.say("\n# The end of %s:", name)
	s.print(strings.Join(lines[max(0, len(lines)-tailLines):], "\n"))
}

// write makes a file that its owner alone may read.
func (s *shell) write(name, content string) error {
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(content), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// quote returns a word that bash takes as it is.
func quote(word string) string {
	unsafe := func(r rune) bool {
		return !strings.ContainsRune("@%+=:,./_-", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if word != "" && !strings.ContainsFunc(word, unsafe) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
