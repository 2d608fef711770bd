package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestCommandsOfTheReferenceNeedTheCapabilityOfTheirRow runs each command of docs/configuration.md with that
// capability alone, and with all others.
func TestCommandsOfTheReferenceNeedTheCapabilityOfTheirRow(t *testing.T) {
	t.Parallel()
	d := newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	d.write("token.txt", d.mustToken(viewerPath).AccessToken)
	page, err := os.ReadFile(filepath.Join(repositoryPath, "docs", "configuration.md"))
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\|.*\\| `(vault .*)` \\| `[A-Z]+` \\| `([a-z]+)` \\|$").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, rows)
	for i, row := range rows {
		command, capability := filledIn(row[1]), row[2]
		path := regexp.MustCompile(mount + `/\S+`).FindString(command)
		d.prepare(capability, path)
		others := []string{"create", "read", "update", "patch", "delete", "list"}
		others = slices.DeleteFunc(others, func(other string) bool { return other == capability })
		output, err := d.as(fmt.Sprintf("without-%d", i), path, others, command)
		require.Errorf(t, err, "%s, without %s:\n%s", command, capability, output)
		require.Contains(t, output, "permission denied")
		output, err = d.as(fmt.Sprintf("with-%d", i), path, []string{capability}, command)
		require.NoErrorf(t, err, "%s, with %s:\n%s", command, capability, output)
	}
	t.Run("a null goes back to the default", func(t *testing.T) {
		command := regexp.MustCompile("`(echo [^`]* \\| vault patch itwin/config -)`").FindStringSubmatch(string(page))
		d.mustWrite(mount+"/config", fields{"renew_before": "10m"})
		d.must(command[1])
		require.EqualValues(t, "1800", d.mustRead(mount + "/config").Data["renew_before"])
	})
}

// filledIn is a command with its placeholders replaced.
func filledIn(command string) string {
	field := "scopes=itwin-platform"
	if strings.Contains(command, mount+"/config") {
		field = "request_timeout=9s"
	}
	return strings.NewReplacer(
		"<field>=…", field, "min_ttl=…", "min_ttl=10m", "<name>", "viewer",
		"client_secret=@file", "client_secret=@secret.txt", "token=@file", "token=@token.txt",
	).Replace(command)
}

// prepare leaves nothing at a path that is to be created, and all that there can be otherwise.
func (d *desk) prepare(capability, path string) {
	d.t.Helper()
	d.configure(nil)
	d.mustWrite(mount+"/config/survey", app(d.ims, nil))
	d.mustWrite(mount+"/role/viewer", nil)
	if capability == "create" {
		d.mustDelete(path)
	}
}

// as runs a command with the capabilities on a path.
func (d *desk) as(name, path string, capabilities []string, command string) (string, error) {
	d.t.Helper()
	list, err := json.Marshal(capabilities)
	require.NoError(d.t, err)
	rules := fmt.Sprintf("path %q { capabilities = %s }", path, list)
	return d.bash("VAULT_TOKEN=" + d.server.User(d.t, name, rules).Token() + " " + command)
}
