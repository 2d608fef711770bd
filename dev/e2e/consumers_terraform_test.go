package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func (c *consumers) testTerraform(t *testing.T) {
	text := readExample(t, "terraform", "main.tf")
	path := regexp.MustCompile(`ephemeral "vault_generic_secret" "itwin" \{\s+path = "([^"]+)"`).FindStringSubmatch(text)
	require.Len(t, path, 2, "no ephemeral resource that reads a path")
	require.NotContains(t, text, "\ndata ", "a data source would write the token into the state")
	require.Contains(t, text, "skip_child_token = true", "a reader's policy has no child tokens")
	field := regexp.MustCompile(`ephemeral\.vault_generic_secret\.itwin\.data\["([^"]+)"\]`).FindStringSubmatch(text)
	require.Len(t, field, 2, "no field of the answer is used")
	// The provider hands strings on as they are, and anything else as JSON.
	c.issued(t, c.readAnswer(t, c.reader(t), path[1]).text(t, field[1]))
}

// TestTerraformManagesTheEngine runs its example from nothing to a token, and holds its page to what reads back.
func TestTerraformManagesTheEngine(t *testing.T) {
	t.Parallel()
	d := newDesk(t, vaulttest.Options{InMemory: true})
	d.server.Register(t, d.plugin)
	t.Run("with the secret in the code", d.testTerraformWithSecret)
	t.Run("with the secret outside of the state", d.testTerraformWithoutSecret)
	t.Run("values read back as the page says", d.testTerraformReadsBack)
}

// engineExample is the example with what a user would put in.
func (d *desk) engineExample(t *testing.T, secret cty.Value) *terraform {
	t.Helper()
	source := strings.NewReplacer(d.stand...).Replace(readExample(t, "terraform", "engine", "main.tf"))
	return newTerraform(d.in(t), source, map[string]cty.Value{"client_id": cty.StringVal(clientID), "client_secret": secret})
}

func (d *desk) testTerraformWithSecret(t *testing.T) {
	f := d.engineExample(t, cty.StringVal(clientSecret))
	f.apply()
	f.requireNoDrift()
	f.requireReader()
	f.requireAuditKeys()
	f.mustWrite("itwin/config", fields{"renew_before": 1200})
	require.Len(t, f.drift("itwin/config", f.resources("vault_generic_endpoint")[0].data(t)), 1, "a change by hand shows")
	f.apply()
	f.requireNoDrift()
	f.destroy()
}

// testTerraformWithoutSecret goes through apply.sh, and does itself what the script has Terraform do.
func (d *desk) testTerraformWithoutSecret(t *testing.T) {
	f := d.engineExample(t, cty.NullVal(cty.String))
	f.apply("vault_mount")
	_, err := f.root.Logical().Write("itwin/config", f.resources("vault_generic_endpoint")[0].data(t))
	requireStatus(t, err, 400)

	script := strings.NewReplacer("$TF_VAR_client_id", clientID, "@secret.txt", "@secret.txt authority="+d.ims.URL()+" api_url="+d.ims.URL()).
		Replace(readExample(t, "terraform", "engine", "apply.sh"))
	_, script, _ = strings.Cut(script, "apply -target=vault_mount.itwin\n")
	write, read, found := strings.Cut(script, "\nterraform apply\n")
	require.True(t, found)
	d.mustBash(t, write)
	f.apply()
	d.mustBash(t, read)
	f.requireNoDrift()
	f.requireReader()
	f.destroy()
}

func (d *desk) mustBash(t *testing.T, commands string) {
	t.Helper()
	output, err := d.bash(commands)
	require.NoError(t, err, output)
}

// requireReader reads a token with the example's policy alone.
func (f *terraform) requireReader() {
	f.t.Helper()
	secret, err := f.root.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"itwin-reader"}, TTL: "1h"})
	require.NoError(f.t, err)
	_, err = f.server.Client(f.t, secret.Auth.ClientToken).Logical().Read(viewerPath)
	require.NoError(f.t, err)
}

// requireAuditKeys holds the mount's to those that the page on auditing names.
func (f *terraform) requireAuditKeys() {
	f.t.Helper()
	page, err := os.ReadFile(filepath.Join(repositoryPath, "docs", "auditing.md"))
	require.NoError(f.t, err)
	tune := f.mustRead("sys/mounts/itwin/tune").Data
	for kind, option := range map[string]string{"request": "audit_non_hmac_request_keys", "response": "audit_non_hmac_response_keys"} {
		var named []any
		for _, match := range regexp.MustCompile(`-audit-non-hmac-`+kind+`-keys=(\w+)`).FindAllStringSubmatch(string(page), -1) {
			named = append(named, match[1])
		}
		require.NotEmpty(f.t, named)
		require.ElementsMatch(f.t, named, tune[option], option)
	}
}

// testTerraformReadsBack writes each value of the page's table, and of ca_cert one that a file has, and reads it back.
func (d *desk) testTerraformReadsBack(t *testing.T) {
	e := d.in(t)
	vaulttest.Mount(t, e.root, e.plugin, mount)
	defer func() { require.NoError(t, e.root.Sys().Unmount(mount)) }()
	source, err := os.ReadFile(filepath.Join(repositoryPath, consumerPages, "terraform.md"))
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| (`\\w+`.*) \\| (`.*) \\| (`.*)? ?\\|$").FindAllStringSubmatch(string(source), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		for _, field := range codeOf(row[1]) {
			for _, value := range codeOf(row[2]) {
				require.Empty(t, e.driftOf(field, value), "%s = %s", field, value)
			}
			for _, value := range codeOf(row[3]) {
				require.NotEmpty(t, e.driftOf(field, value), "%s = %s reads back as it was written", field, value)
			}
		}
	}
	require.Empty(t, e.driftOf("ca_cert", asJSON(t, caOf(t))))
}

// codeOf are the texts of inline code.
func codeOf(cell string) []string {
	var texts []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		texts = append(texts, match[1])
	}
	return texts
}

// driftOf writes a field with a value in JSON, as the provider does with Terraform's, and reads it back.
func (e *env) driftOf(field, value string) []string {
	e.t.Helper()
	var decoded any
	require.NoErrorf(e.t, json.Unmarshal([]byte(value), &decoded), "%s = %s", field, value)
	if field == "app" {
		e.mustWrite("itwin/role/viewer", fields{field: decoded})
		return e.drift("itwin/role/viewer", fields{field: decoded})
	}
	e.mustWrite("itwin/config", app(e.ims, fields{"verify": false, field: decoded}))
	drift := e.drift("itwin/config", fields{field: decoded})
	if field == "scopes" {
		e.mustWrite("itwin/role/viewer", fields{field: decoded})
		drift = append(drift, e.drift("itwin/role/viewer", fields{field: decoded})...)
	}
	return drift
}

// caOf is a certificate as a file has it, with the end of its last line.
func caOf(t *testing.T) string {
	t.Helper()
	ims, err := emulator.Start(emulator.Options{TLS: true})
	require.NoError(t, err)
	require.NoError(t, ims.Close())
	require.True(t, strings.HasSuffix(ims.CACert(), "\n"))
	return ims.CACert()
}
