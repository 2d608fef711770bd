package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// situation makes the plugin or Vault say something, and returns it.
type situation func(d *desk) string

const register = `vault plugin register -sha256="$(sha256sum /etc/vault/plugins/vault-plugin-secrets-itwin | cut -d' ' -f1)" `

// situations are by the headings of docs/troubleshooting.md.
func situations() map[string][]situation {
	const config, here = "itwin/config", "https://ims.bentley.com"
	return map[string][]situation{
		"Registering the plugin": {
			printed(`vault plugin register -sha256="$(printf "0%.0s" {1..64})" -version=v98.0.0 secret vault-plugin-secrets-itwin
				vault secrets enable -path=bad -plugin-version=v98.0.0 vault-plugin-secrets-itwin`),
			printed(register + `-version=v97.0.0 secret vault-plugin-secrets-itwin`),
			printed(register + `-version=vX.Y.Z -command=nothing secret vault-plugin-secrets-itwin`),
		},
		"A command isn't supported":        {read("itwin/rotate", nil), write("itwin/status", nil)},
		"Not configured":                   {write("itwin/role/new", fields{"app": "new"})},
		"Unknown role":                     {read("itwin/token/viewr", nil)},
		"A field is refused":               {write(config, fields{"secret": "x"}), write(config, fields{"request_timeout": "31s"})},
		"A character is refused":           {write(config, fields{"client_secret": "\uFEFFx"})},
		"A value belongs in another field": {write(config, fields{"authority": here + "/connect/token", "client_secret": "x"})},
		"A URL is refused":                 {write(config, fields{"authority": "ims.bentley.com", "client_secret": "x"})},
		"ca_cert is refused":               {write(config, fields{"ca_cert": "x", "client_secret": "x"})},
		"A name is refused":                {write("itwin/role/a..b", nil)},
		"The secret is wanted again":       {write(config, fields{"authority": "https://qa-ims.bentley.com"})},
		"Nothing was stored":               {write(config, fields{"client_secret": "wrong"})},
		"A write is stored with a warning": {
			write("itwin/config/odd", fields{"client_id": "service-odd", "client_secret": `"x"`, "verify": false}),
			during(emulator.Fault{Fields: map[string]json.RawMessage{"scope": json.RawMessage(`"itwin-platform"`)}},
				write(config, fields{"scopes": "itwin-platform itwins:read"})),
		},
		"invalid_client":       {failing(emulator.Fault{Error: "invalid_client"})},
		"invalid_scope":        {failing(emulator.Fault{Error: "invalid_scope"})},
		"unauthorized_client":  {failing(emulator.Fault{Error: "unauthorized_client"})},
		"Another error of IMS": {failing(emulator.Fault{Error: "invalid_request"})},
		"Rate limits":          {failing(emulator.Fault{RetryAfter: time.Minute}), overQuota},
		"IMS can't be reached": {write("itwin/config/x", fields{"client_id": "x", "client_secret": "y", "authority": "https://127.0.0.1:1"})},
		"A proxy fails": {
			printed(register + `-version=vX.Y.Z -command=vault-plugin-secrets-itwin -env=HTTPS_PROXY=http://user:p%ss@127.0.0.1:1 secret proxied
				vault secrets enable -plugin-version=vX.Y.Z proxied
				vault write proxied/config client_id=service-x client_secret=@secret.txt`),
		},
		"The answer is lost":                {failing(emulator.Fault{DropConnection: true})},
		"Too slow":                          {failing(emulator.Fault{Delay: 5 * time.Second})},
		"IMS is unavailable":                {failing(emulator.Fault{Status: http.StatusServiceUnavailable})},
		"Something other than IMS answered": {failing(emulator.Fault{Status: http.StatusForbidden})},
		"IMS did not return a token":        {failing(emulator.Fault{Status: http.StatusOK, Body: "{}"})},
		"Failing since, next attempt at":    {failing(emulator.Fault{Status: http.StatusBadGateway})},
		"min_ttl is too large":              {read("itwin/token", map[string][]string{"min_ttl": {"55m"}})},
		"The token works, but I see nothing": {
			read("itwin/check", map[string][]string{"itwin_id": {"6f0a8a3e-2b1c-4c1d-9a51-1d3c5f0e7b11"}}),
		},
		"The Platform refuses the token": {
			during(emulator.Fault{At: emulator.Platform, Error: "InsufficientScope"}, read("itwin/check", nil)),
		},
		"introspect refuses a token": {write("itwin/introspect", fields{"token": "x"})},
	}
}

// printed is what commands print of which the last one fails.
func printed(commands string) situation {
	return func(d *desk) string {
		output, err := d.bash(commands)
		require.Error(d.t, err, output)
		return output
	}
}

func read(path string, query map[string][]string) situation {
	return func(d *desk) string { return d.said(d.root.Logical().ReadWithData(path, query)) }
}

func write(path string, data fields) situation {
	return func(d *desk) string { return d.said(d.root.Logical().Write(path, data)) }
}

// said is what an answer says: its error, or its warnings and the hint of a check.
func (d *desk) said(secret *api.Secret, err error) string {
	d.t.Helper()
	if answer, ok := errors.AsType[*api.ResponseError](err); ok {
		return strings.Join(answer.Errors, "\n")
	}
	require.NoError(d.t, err)
	hint, _ := secret.Data["hint"].(string)
	return strings.Join(append(secret.Warnings, hint), "\n")
}

func during(fault emulator.Fault, situation situation) situation {
	return func(d *desk) string {
		d.ims.Fault(fault)
		defer d.ims.Heal()
		return situation(d)
	}
}

// failing reads a token of a new app while IMS fails.
func failing(fault emulator.Fault) situation {
	return func(d *desk) string {
		path := mountAnother(d.t, d.env)
		d.mustWrite(path+"/config", app(d.ims, fields{"request_timeout": "1s", "verify": false}))
		return during(fault, read(path+"/token", nil))(d)
	}
}

func overQuota(d *desk) string {
	d.mustWrite("sys/quotas/rate-limit/small", fields{"path": "itwin/token*", "rate": 1, "interval": "60s"})
	defer d.mustDelete("sys/quotas/rate-limit/small")
	d.mustToken("itwin/token")
	return read("itwin/token", nil)(d)
}
