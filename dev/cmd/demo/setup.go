package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// setUp is what an operator does once.
func (d *demo) setUp() []step {
	return []step{
		{"Start Vault, in dev mode on a free port, with a folder to run plugins from.", d.startVault},
		{"Tell Vault of the plugin. It runs no other file than the one with this SHA-256.", d.register},
		{"Enable the plugin, at a path of our choice.", d.enable},
		{"Give it the service app. The write makes a real exchange first, so a wrong secret is refused, not stored.", d.configure},
		{"The config can be read back, but for the secret.", d.lines("vault read itwin/config")},
		{"Roles: other scopes or another app, each under a path that a policy can name.", d.lines(d.roles()...)},
		{"A policy for those who need tokens, and nothing else.", d.lines("cat reader.hcl", "vault policy write reader reader.hcl")},
		{"A user with that policy.", d.addUser},
	}
}

// lines makes a step of lines alone.
func (d *demo) lines(lines ...string) func(context.Context) error {
	return func(ctx context.Context) error { return d.shell.run(ctx, lines...) }
}

func (d *demo) startVault(ctx context.Context) error {
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	addr, token, line := "http://"+listen, d.shell.vars["VAULT_TOKEN"], serverLine(listen)
	if err := d.shell.run(ctx, "cat vault.hcl"); err != nil {
		return err
	}
	d.shell.show(line + " &")
	if d.server, err = startServer(d.shell, line, addr); err != nil {
		return err
	}
	if err := d.server.ready(ctx, token); err != nil {
		return err
	}
	d.shell.vars["VAULT_ADDR"] = addr
	d.shell.show("export VAULT_ADDR=" + addr + " VAULT_TOKEN=" + shorten(token))
	return d.shell.run(ctx, "vault version")
}

func (d *demo) register(ctx context.Context) error {
	return d.shell.run(ctx, fmt.Sprintf("vault plugin register -sha256=%s -version=%s secret %s",
		d.pluginSum, quote(d.settings.pluginVersion), d.pluginName()))
}

func (d *demo) enable(ctx context.Context) error {
	return d.shell.run(ctx, fmt.Sprintf("vault secrets enable -path=itwin -plugin-version=%s %s",
		quote(d.settings.pluginVersion), d.pluginName()))
}

func (d *demo) configure(ctx context.Context) error {
	line := "vault write itwin/config client_id=" + quote(d.identity.clientID) + " client_secret=@secret.txt"
	if d.identity.authority != defaultAuthority {
		line += " authority=" + quote(d.identity.authority)
	}
	if d.identity.apiURL != defaultAPIURL {
		line += " api_url=" + quote(d.identity.apiURL)
	}
	if d.settings.emulated() {
		d.shell.say("An emulator stands in for IMS and the iTwin Platform, at %s.", d.identity.authority)
	}
	return d.shell.run(ctx, line)
}

// roles names scopes only with the emulator: which ones a real app has isn't known.
func (d *demo) roles() []string {
	if d.settings.emulated() {
		return []string{"vault write itwin/role/viewer scopes=itwins:read", "vault write itwin/role/builder scopes=itwin-platform"}
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
