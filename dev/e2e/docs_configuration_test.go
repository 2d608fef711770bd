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

// TestCommandsOfTheReferenceNeedTheCapabilityOfTheirRow runs each command of docs/configuration.md as someone who may do
// that alone, and as someone who may do all but that.
func TestCommandsOfTheReferenceNeedTheCapabilityOfTheirRow(t *testing.T) {
	t.Parallel()
	d := newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	d.write("token.txt", d.mustToken(viewerPath).AccessToken)
	rows := referenceRows(t)
	require.NotEmpty(t, rows)
	for i, row := range rows {
		path := regexp.MustCompile(mount + `/\S+`).FindString(row.command)
		d.prepare(row.capability, path)
		others := slices.DeleteFunc(capabilities(), func(c string) bool { return c == row.capability })
		output, err := d.as(fmt.Sprintf("without-%d", i), path, others, row.command)
		require.Errorf(t, err, "%s, without %s:\n%s", row.command, row.capability, output)
		require.Contains(t, output, "permission denied")
		output, err = d.as(fmt.Sprintf("with-%d", i), path, []string{row.capability}, row.command)
		require.NoErrorf(t, err, "%s, with %s:\n%s", row.command, row.capability, output)
		d.requireMethod(row)
	}
}

// TestReferenceTellsHowToGoBackToADefault takes the command from the page's text.
func TestReferenceTellsHowToGoBackToADefault(t *testing.T) {
	t.Parallel()
	d := newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	page, err := os.ReadFile(filepath.Join(repositoryPath, "docs", "configuration.md"))
	require.NoError(t, err)
	command := regexp.MustCompile("`(echo [^`]* \\| vault patch itwin/config -)`").FindStringSubmatch(string(page))
	require.NotNil(t, command)
	d.mustWrite(mount+"/config", fields{"renew_before": "10m"})
	d.must(command[1])
	require.EqualValues(t, "1800", d.mustRead(mount + "/config").Data["renew_before"])
}

func capabilities() []string { return []string{"create", "read", "update", "patch", "delete", "list"} }

// referenceRow is how a path is used, by the reference.
type referenceRow struct{ command, method, capability string }

// referenceRows has the placeholders filled in.
func referenceRows(t *testing.T) []referenceRow {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repositoryPath, "docs", "configuration.md"))
	require.NoError(t, err)
	var rows []referenceRow
	cells := regexp.MustCompile("(?m)^\\|.*\\| `(vault .*)` \\| `([A-Z]+)` \\| `([a-z]+)` \\|$")
	for _, found := range cells.FindAllStringSubmatch(string(page), -1) {
		field := "scopes=itwin-platform"
		if strings.Contains(found[1], mount+"/config") {
			field = "request_timeout=9s"
		}
		command := strings.NewReplacer(
			"<field>=…", field, "min_ttl=…", "min_ttl=10m", "<name>", "viewer",
			"client_secret=@file", "client_secret=@secret.txt", "token=@file", "token=@token.txt",
		).Replace(found[1])
		rows = append(rows, referenceRow{command: command, method: found[2], capability: found[3]})
	}
	return rows
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

// requireMethod goes by what vault itself would send. The server takes PUT for POST, and GET with list=true for LIST.
func (d *desk) requireMethod(row referenceRow) {
	d.t.Helper()
	command := strings.Fields(row.command)
	output, err := d.bash(strings.Join(slices.Insert(command, 2, "-output-curl-string"), " "))
	require.NoError(d.t, err, output)
	method := "GET"
	if named := regexp.MustCompile(`-X (\w+)`).FindStringSubmatch(output); named != nil {
		method = strings.Replace(named[1], "PUT", "POST", 1)
	}
	if strings.Contains(output, "list=true") {
		method = "LIST"
	}
	require.Equal(d.t, row.method, method, row.command)
	require.Equal(d.t, method == "PATCH", strings.Contains(output, "Content-Type: application/merge-patch+json"), output)
}
