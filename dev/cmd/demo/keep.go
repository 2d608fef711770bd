package main

import (
	"context"
	"errors"
)

// keepRunning tells how to use what was set up, and returns when the context ends.
func (d *demo) keepRunning(ctx context.Context) error {
	d.shell.say("\n# Running until Ctrl-C; the server logs to %s. In another terminal:\n", d.server.log)
	// Not through show: these tokens are for the reader of this line to use.
	d.shell.say("alias vault=%s", quote(d.settings.vaultBin))
	d.shell.say("export VAULT_ADDR=%s VAULT_TOKEN=%s READER=%s", d.server.addr, d.shell.vars["VAULT_TOKEN"], d.shell.vars["READER"])
	d.shell.say(`
vault read itwin/token
VAULT_TOKEN=$READER vault read itwin/token/viewer
vault read itwin/token min_ttl=50m
vault write -f itwin/rotate
vault path-help itwin/token`)
	if d.settings.emulated() {
		fault := d.identity.emulator.URL() + "/_emulator/fault"
		d.shell.say("\n# Make IMS fail, see what rotate and reads say, and make it work again:")
		d.shell.say("curl -X PUT -d '{\"status\":503}' %s", fault)
		d.shell.say("curl -X DELETE %s", fault)
	}
	select {
	case <-ctx.Done():
		d.shell.say("\n# Stopping.")
		return nil
	case <-d.server.ended:
		return errors.New("keeping Vault running: it ended")
	}
}
