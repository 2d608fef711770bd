package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// demo owns all that is started and made: the folder, the identity provider and Vault.
type demo struct {
	settings settings
	identity *identity
	folder   string
	shell    *shell
	server   *server // nil until it is started
	steps    int     // told so far
}

// step is a heading, which says why, and the commands below it.
type step struct {
	why string
	do  func(context.Context) error
}

func newDemo(s settings, out io.Writer) (*demo, error) {
	id, err := newIdentity(s)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "itwin-demo-")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a folder: %w", err), id.close())
	}
	d := &demo{settings: s, identity: id, folder: folder}
	if err := d.prepare(out); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// prepare makes the shell and the files that its lines name.
func (d *demo) prepare(out io.Writer) error {
	// Vault refuses a plugin directory with symbolic links in its path, and on macOS temporary files have one in theirs.
	folder, err := filepath.EvalSymlinks(d.folder)
	if err != nil {
		return fmt.Errorf("locating the folder: %w", err)
	}
	password, rootToken := rand.Text(), "root-"+rand.Text()
	redact := newRedactor(d.identity.clientSecret, d.identity.second.ClientSecret, password, rootToken)
	if d.shell, err = newShell(folder, d.settings.vaultBin, out, redact); err != nil {
		return err
	}
	d.shell.vars["VAULT_TOKEN"] = rootToken
	// In the environment instead of -dev-root-token-id: other users can see arguments.
	d.shell.vars["VAULT_DEV_ROOT_TOKEN_ID"] = rootToken
	if err := d.writeFiles(password, rootToken); err != nil {
		return err
	}
	return d.copyPlugin()
}

// tell stops at the first step that fails.
func (d *demo) tell(ctx context.Context, steps []step) error {
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		d.steps++
		d.shell.say("\n# %d. %s", d.steps, step.why)
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// explain shows what the server had to say about an error that doesn't say itself what to do.
func (d *demo) explain(err error) error {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.As(err, new(refusedAppError)) && d.server != nil {
		d.shell.tail(serverLog)
	}
	return err
}

// close ends Vault first, as it may be talking to the identity provider.
func (d *demo) close() error {
	if d.server != nil {
		d.server.stop()
	}
	return errors.Join(d.identity.close(), os.RemoveAll(d.folder))
}
