package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// setUp is what an operator does once.
func (d *demo) setUp() []step {
	return []step{
		{"Work in a folder that is removed at the end. secret.txt holds the app's client secret.", d.enterFolder},
		{"Start Vault, in dev mode on a free port, with a folder to run plugins from.", d.startVault},
		{"Tell Vault of the plugin. It runs no other file than the one with this SHA-256.", d.register},
		{"Enable the plugin, at a path of our choice.", d.enable},
		{d.introduction(), d.configure},
		{"The config can be read back, but for the secret.", d.lines("vault read itwin/config")},
		{"Roles: other scopes or another app, each under a path that a policy can name.", d.lines(d.roles()...)},
		{
			"Prove the whole chain, from the role to the iTwin Platform. The e-mail address is what to invite to iTwins.",
			d.lines("vault read -field=ok itwin/check/viewer", "vault read -field=app_email itwin/check/viewer"),
		},
		{"A policy for those who need tokens, and nothing else.", d.lines("cat reader.hcl", "vault policy write reader reader.hcl")},
		{"A user with that policy.", d.addUser},
	}
}

// lines makes a step of lines alone.
func (d *demo) lines(lines ...string) func(context.Context) error {
	return func(ctx context.Context) error { return d.shell.run(ctx, lines...) }
}

// enterFolder shows what bash does in all lines: they run in the folder.
func (d *demo) enterFolder(ctx context.Context) error {
	d.shell.show("cd " + quote(d.shell.folder))
	return d.shell.run(ctx, "ls -C")
}

func (d *demo) startVault(ctx context.Context) error {
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	addr, line := "http://"+listen, serverLine(listen)
	if err := d.shell.run(ctx, "cat vault.hcl"); err != nil {
		return err
	}
	d.shell.show("export VAULT_ADDR=" + addr + nextLine + `VAULT_TOKEN="$(cat root.token)" VAULT_DEV_ROOT_TOKEN_ID="$(cat root.token)"`)
	d.shell.show(line + " &")
	if d.server, err = startServer(d.shell, line, addr); err != nil {
		return err
	}
	if err := d.server.ready(ctx, d.shell.vars["VAULT_TOKEN"]); err != nil {
		return err
	}
	d.shell.vars["VAULT_ADDR"] = addr
	return d.shell.run(ctx, "vault version")
}

func (d *demo) register(ctx context.Context) error {
	return d.shell.run(ctx, fmt.Sprintf(`vault plugin register -version=%s%s-sha256="$(%s plugins/%s | cut -d ' ' -f 1)"%ssecret %s`,
		quote(d.settings.pluginVersion), nextLine, sha256Command(), d.pluginName(), nextLine, d.pluginName()))
}

// sha256Command is GNU's, or Perl's where that isn't, as on older macOS.
func sha256Command() string {
	if _, err := exec.LookPath("sha256sum"); err != nil {
		return "shasum -a 256"
	}
	return "sha256sum"
}

func (d *demo) enable(ctx context.Context) error {
	return d.shell.run(ctx, fmt.Sprintf("vault secrets enable -path=itwin -plugin-version=%s %s",
		quote(d.settings.pluginVersion), d.pluginName()))
}

func (d *demo) introduction() string {
	why := "Give it the service app. The write makes a real exchange first, so a wrong secret is refused, not stored."
	if d.settings.emulated() {
		why += "\n#    An emulator stands in for Bentley's identity provider (IMS) and the iTwin Platform, at " + d.identity.authority + "."
	}
	return why
}

func (d *demo) configure(ctx context.Context) error {
	line := "vault write itwin/config client_id=" + quote(d.identity.clientID) + " client_secret=@secret.txt" + d.identity.places()
	output, err := d.shell.try(ctx, line)
	switch {
	case err != nil && !d.settings.emulated() && strings.Contains(output, "Code: 400"):
		return refusedAppError(d.settings.command())
	case err != nil:
		return d.shell.failed(line, err)
	}
	return nil
}

// roles names scopes only with the emulator: which ones a real app has isn't known. The Platform wants itwin-platform
// in every token.
func (d *demo) roles() []string {
	if d.settings.emulated() {
		return []string{
			"vault write itwin/role/viewer scopes=itwin-platform,itwins:read",
			"vault write itwin/role/builder scopes=itwin-platform,imodels:modify",
		}
	}
	return []string{"vault write -f itwin/role/viewer", "vault write -f itwin/role/builder"}
}

func (d *demo) addUser(ctx context.Context) error {
	err := d.shell.run(ctx, "vault auth enable userpass",
		"vault write auth/userpass/users/reader password=@password.txt token_policies=reader")
	if err != nil {
		return err
	}
	return d.shell.assign(ctx, "READER", "vault login -method=userpass -token-only username=reader password=@password.txt")
}

func (d *demo) pluginName() string { return quote(filepath.Base(d.settings.pluginBin)) }
