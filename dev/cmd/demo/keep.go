package main

import (
	"context"
	"errors"
)

// keepRunning tells how to use what was set up, and returns when the context ends.
func (d *demo) keepRunning(ctx context.Context) error {
	if err := d.shell.write("reader.token", d.shell.vars["READER"]); err != nil {
		return err
	}
	d.shell.say("\n# All of it runs now, in %s. There are %s, plugins/ and", d.shell.folder, serverLog)
	d.shell.say("# the files with secrets and tokens. Try it in another terminal:\n\ncd %s", quote(d.shell.folder))
	d.shell.say(`export PATH="$PWD/bin:$PATH" VAULT_ADDR=%s VAULT_TOKEN="$(cat root.token)"`, d.server.addr)
	d.shell.say(`
vault read itwin/token
VAULT_TOKEN="$(cat reader.token)" vault read itwin/token/viewer
vault read itwin/check/viewer
vault read itwin/token min_ttl=50m
vault write -f itwin/rotate
vault read itwin/status
vault path-help itwin/token`)
	d.suggestSecondApp()
	if d.settings.emulated() {
		d.suggestOutage()
	}
	d.shell.say("\n# Ctrl-C in this terminal stops all of it and removes the folder.")
	select {
	case <-ctx.Done():
		d.shell.say("\n# Stopping.")
		return nil
	case <-d.server.ended:
		return errors.New("keeping Vault running: it ended")
	}
}

// suggestSecondApp adds an app of the emulator's, or shows the fields of one of the user's own.
func (d *demo) suggestSecondApp() {
	id, places := quote(d.identity.second.ClientID), d.identity.places()
	if d.settings.emulated() {
		d.shell.say("\n# A second app, whose authority may be another one, and a role that reads its token:\n")
	} else {
		d.shell.say("\n# A second app of yours, such as one of QA with its secret in survey.txt, and a role that reads its token:\n")
		id, places = "service-YourAppsIdFromMyApps", nextLine+"authority=https://qa-ims.bentley.com api_url=https://qa-api.bentley.com"
	}
	d.shell.say("vault write itwin/config/survey client_id=%s client_secret=@survey.txt%s", id, places)
	d.shell.say("vault write itwin/role/surveyor app=survey\nvault read itwin/token/surveyor\nvault read itwin/check/surveyor")
}

func (d *demo) suggestOutage() {
	fault := d.identity.emulator.URL() + "/_emulator/fault"
	d.shell.say("\n# IMS fails: a rotation says so, and readers keep their token. Then it works again:\n")
	d.shell.say("curl -X PUT -d '{\"status\":503}' %s", fault)
	d.shell.say("vault write -f itwin/rotate\nvault read itwin/token\ncurl -X DELETE %s\nvault write -f itwin/rotate", fault)
}
