package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
)

// demo owns all that is started and made: the folder, the identity provider and Vault.
type demo struct {
	settings settings
	identity *identity
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
	password, rootToken := rand.Text(), "root-"+rand.Text()
	sh, err := newShell(folder, s.vaultBin, out, newRedactor(id.clientSecret, password, rootToken))
	d := &demo{settings: s, identity: id, shell: sh}
	if err == nil {
		sh.vars["VAULT_TOKEN"] = rootToken
		err = d.writeFiles(password)
	}
	if err != nil {
		return nil, errors.Join(err, id.close(), os.RemoveAll(folder))
	}
	return d, nil
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

// explain shows what the server had to say about an error.
func (d *demo) explain(err error) error {
	if err != nil && !errors.Is(err, context.Canceled) && d.server != nil {
		d.shell.say("\n# The end of the server's log:")
		d.shell.print(d.server.tail(logTail))
	}
	return err
}

// close ends Vault first, as it may be talking to the identity provider.
func (d *demo) close() error {
	if d.server != nil {
		d.server.stop()
	}
	return errors.Join(d.identity.close(), os.RemoveAll(d.shell.folder))
}
