package main

import (
	"context"
	"fmt"
)

const readID = "VAULT_TOKEN=$READER vault read -field=token_id itwin/token"

// tour is what readers see, and what becomes of them when IMS is away.
func (d *demo) tour() []step {
	steps := []step{
		{"As that user: a token. Its ttl says when to read again; there is no lease to renew.", d.lines(
			"VAULT_TOKEN=$READER vault read itwin/token")},
		{"Read again: the same token, from memory. All readers share it, IMS isn't asked.", d.lines(readID)},
		{"The token of a role, with the role's scopes.", d.lines("VAULT_TOKEN=$READER vault read itwin/token/viewer")},
		{"The policy names neither the config nor the role builder: Vault refuses both.", d.denied},
		{"The token opens the iTwin Platform.", d.callPlatform},
		{"Rotate: a fresh token now. Readers get it when they read next.", d.lines("vault write -f itwin/rotate", readID)},
		{"Vault Agent writes the token to a file for apps that know nothing of Vault, and left running keeps it fresh.", d.runAgent},
	}
	if d.settings.emulated() {
		steps = append(steps, step{
			"IMS goes down: the emulator is stopped. Readers keep their token; only a rotation fails, and says why.", d.outlive,
		})
	}
	return steps
}

func (d *demo) denied(ctx context.Context) error {
	for _, path := range []string{"itwin/config", "itwin/token/builder"} {
		if err := d.shell.refused(ctx, "permission denied", "VAULT_TOKEN=$READER vault read "+path); err != nil {
			return err
		}
	}
	return nil
}

// callPlatform shows the line for curl, which not every machine has, and makes the same request itself.
func (d *demo) callPlatform(ctx context.Context) error {
	if err := d.shell.assign(ctx, "TOKEN", "VAULT_TOKEN=$READER vault read -field=access_token itwin/token"); err != nil {
		return err
	}
	line := fmt.Sprintf(`curl -s -H "Authorization: Bearer $TOKEN" -H "Accept: %s" %s`, acceptUser, quote(d.identity.usersMeURL()))
	d.shell.show(line)
	answer, err := d.identity.usersMe(ctx, d.shell.vars["TOKEN"])
	d.shell.print(answer)
	return err
}

func (d *demo) runAgent(ctx context.Context) error {
	if err := d.shell.run(ctx, `echo "$READER" >reader.token`, "cat agent.hcl"); err != nil {
		return err
	}
	if err := d.shell.run(ctx, "vault agent -config=agent.hcl -exit-after-auth >agent.log 2>&1"); err != nil {
		d.shell.tail("agent.log")
		return err
	}
	return d.shell.run(ctx, "cat itwin.env")
}

func (d *demo) outlive(ctx context.Context) error {
	if err := d.identity.emulator.Down(); err != nil {
		return fmt.Errorf("stopping the emulator: %w", err)
	}
	if err := d.shell.run(ctx, readID); err != nil {
		return err
	}
	if err := d.shell.refused(ctx, "Code: 502", "vault write -f itwin/rotate"); err != nil {
		return err
	}
	return d.shell.run(ctx, readID)
}
