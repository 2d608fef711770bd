package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsimple"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// testTerraformReads evaluates the example's local value with what the provider reads from Vault.
func (c *consumers) testTerraformReads(t *testing.T) {
	got := c.read(t, c.reader(t))
	value := cty.StringVal(got.AccessToken)
	for _, name := range []string{"access_token", "data", "itwin", "vault_generic_secret", "ephemeral"} {
		value = cty.ObjectVal(map[string]cty.Value{name: value})
	}
	var module struct {
		Ephemeral struct {
			Kind string `hcl:"kind,label"`
			Name string `hcl:"name,label"`
			Path string `hcl:"path"`
		} `hcl:"ephemeral,block"`
		Locals struct {
			Authorization string `hcl:"itwin_authorization"`
		} `hcl:"locals,block"`
		Provider struct {
			Kind           string `hcl:"kind,label"`
			SkipChildToken bool   `hcl:"skip_child_token"`
		} `hcl:"provider,block"`
		Terraform struct {
			Rest hcl.Body `hcl:",remain"`
		} `hcl:"terraform,block"`
	}
	text := []byte(readExample(t, "terraform", "main.tf"))
	require.NoError(t, hclsimple.Decode("main.hcl", text, &hcl.EvalContext{Variables: value.AsValueMap()}, &module))
	require.Equal(t, viewerPath, module.Ephemeral.Path)
	require.Equal(t, "Bearer "+got.AccessToken, module.Locals.Authorization)
	require.True(t, module.Provider.SkipChildToken, "a reader's policy has no child tokens")
}

// TestTerraformManagesTheEngine runs its example from nothing to a token, and holds its page to what reads back.
func TestTerraformManagesTheEngine(t *testing.T) {
	t.Parallel()
	c := newConsumers(t, vaulttest.Options{InMemory: true})
	t.Run("values read back as the page says", c.testTerraformReadsBack)
	require.NoError(t, c.root.Sys().DeletePolicy("itwin-reader"))
	t.Run("with the secret in the code", c.testTerraformWithSecret)
	t.Run("with the secret outside of the state", c.testTerraformWithoutSecret)
}

// engineExample is the example with what a user would put in, on a Vault without the mount.
func (c *consumers) engineExample(t *testing.T, secret cty.Value) *terraform {
	t.Helper()
	require.NoError(t, c.root.Sys().Unmount(mount))
	source := strings.NewReplacer("https://ims.bentley.com", c.ims.URL(), "https://api.bentley.com", c.ims.URL()).
		Replace(readExample(t, "terraform", "engine", "main.tf"))
	return newTerraform(c.in(t), source, map[string]cty.Value{"client_id": cty.StringVal(clientID), "client_secret": secret})
}

func (c *consumers) testTerraformWithSecret(t *testing.T) {
	f := c.engineExample(t, cty.StringVal(clientSecret))
	f.apply("vault_mount", "vault_policy", "vault_generic_endpoint")
	f.requireNoDrift()
	c.read(t, c.reader(t))
	f.requireAuditKeys()

	f.mustWrite("itwin/config", fields{"renew_before": 1200})
	require.Len(t, f.drift("itwin/config", fields{"renew_before": 1800}), 1, "a change by hand shows")
	f.apply("vault_generic_endpoint")
	f.requireNoDrift()
}

// testTerraformWithoutSecret goes through apply.sh line by line, and does itself what the script has Terraform do.
func (c *consumers) testTerraformWithoutSecret(t *testing.T) {
	f := c.engineExample(t, cty.NullVal(cty.String))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret.txt"), []byte(clientSecret), 0o600))
	_, script, _ := strings.Cut(readExample(t, "terraform", "engine", "apply.sh"), "\nterraform init\n")
	for line := range strings.Lines(script) {
		switch line {
		case "terraform apply -target=vault_mount.itwin\n":
			f.apply("vault_mount")
		case "terraform apply\n":
			f.apply("vault_policy", "vault_generic_endpoint")
		default:
			line = strings.ReplaceAll(line, "@secret.txt", "@secret.txt authority="+c.ims.URL()+" api_url="+c.ims.URL())
			run := c.command(t, c.root.Token(), dir, "bash", "-ec", line)
			run.Env = append(run.Env, "TF_VAR_client_id="+clientID)
			succeed(t, run)
		}
	}
	f.requireNoDrift()
	c.read(t, c.reader(t))
}

// requireAuditKeys holds the mount's to those that the page on auditing names.
func (f *terraform) requireAuditKeys() {
	f.t.Helper()
	page, err := os.ReadFile(filepath.Join(repositoryPath, "docs", "auditing.md"))
	require.NoError(f.t, err)
	tune := f.mustRead("sys/mounts/itwin/tune").Data
	for _, kind := range []string{"request", "response"} {
		var named []any
		for _, match := range regexp.MustCompile(`-audit-non-hmac-`+kind+`-keys=(\w+)`).FindAllStringSubmatch(string(page), -1) {
			named = append(named, match[1])
		}
		require.ElementsMatch(f.t, named, tune["audit_non_hmac_"+kind+"_keys"])
	}
}

// testTerraformReadsBack writes each value of the page's table and reads it back.
func (c *consumers) testTerraformReadsBack(t *testing.T) {
	e := c.in(t)
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
}

// codeOf are the texts of inline code.
func codeOf(cell string) (texts []string) {
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
