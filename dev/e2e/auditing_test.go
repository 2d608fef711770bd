package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const auditingPage = "docs/auditing.md"

// auditDesk is a desk of a security team, with an audit log that the page turns on.
type auditDesk struct {
	*desk

	log   string
	story *auditStory // whose readers are at work here
	found token       // the one that turns up in leaked.txt
	plain map[string]any
}

// TestAuditing runs the page as it stands, with kim as a reader before and after the tune.
func TestAuditing(t *testing.T) {
	t.Parallel()
	d := newAuditDesk(t)
	d.cues = d.auditingCues()
	d.work(auditingPage)
	t.Run("the page says what is an HMAC and what is in clear", d.testTableOfFields)
	t.Run("the server's log has the lines that the page lists", d.testTableOfLines)
	t.Run("no secret and no token is in either log", d.testNoSecretIsLogged)
}

func newAuditDesk(t *testing.T) *auditDesk {
	t.Helper()
	d := &auditDesk{desk: newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})}
	d.log = filepath.Join(d.dir, "audit.log")
	d.stand = append(d.stand, "/var/log/vault/audit.log", d.log, "/usr/local/bin", d.bin)
	d.story = &auditStory{env: d.env, log: d.log}
	d.story.person = d.story.login()
	programs.Find(t, "unzip")
	d.release(installedVersion)
	return d
}

// auditingCues let kim read beside the page's commands, and look at what the commands answer.
func (d *auditDesk) auditingCues() []*cue {
	names := func(texts ...string) func(*testing.T, string) {
		return func(t *testing.T, output string) {
			t.Helper()
			for _, text := range texts {
				require.Contains(t, output, text)
			}
		}
	}
	return []*cue{
		{at: "vault audit enable", after: d.readUntuned},
		{at: "vault secrets tune", after: d.readTuned},
		{at: "itwin-audit -version", after: names(installedVersion)},
		{at: "readers --token - /var", after: names("userpass-kim", "viewer", "itwin-person")},
		{at: "readers --token-id", after: names("userpass-kim", "viewer")},
		{at: `grep -F "$id"`, after: names(`"display_name":"userpass-kim"`, `"path":"itwin/token/viewer"`)},
		{at: "--vault --device", before: d.leakUntuned, after: names("userpass-kim", `"path":"itwin/token/viewer"`)},
		{at: "tokens --reader", after: func(t *testing.T, output string) {
			t.Helper()
			names(d.found.ID, "token/missing", `"path":"itwin/token/viewer"`)(t, output)
		}},
		{at: "--format html", after: func(t *testing.T, output string) {
			t.Helper()
			names("userpass-kim", "viewer")(t, output)
			require.FileExists(t, filepath.Join(d.dir, "week.html"))
		}},
		{at: "(config|role)", before: d.changeAll, after: names(`"path":"itwin/config"`, `"path":"itwin/role/editor"`)},
		{at: "'permission denied'", after: names(`"path":"itwin/config"`, `"display_name":"userpass-kim"`)},
		{at: "introspect", before: func(*testing.T) { d.leak(d.found) }, after: names(d.ims.URL())},
	}
}

// readUntuned is kim's read of a token that the log shows as HMACs alone.
func (d *auditDesk) readUntuned(*testing.T, string) {
	d.found = d.story.readAs(d.story.person, "itwin/token/viewer")
	d.plain = d.lastRead()
	d.story.first = d.found
}

// readTuned is kim's read of another token, in clear, beside reads that fail.
func (d *auditDesk) readTuned(t *testing.T, output string) {
	t.Helper()
	require.Contains(t, output, "token_id")
	d.mustWrite("itwin/rotate/viewer", nil)
	d.found = d.story.readAs(d.story.person, "itwin/token/viewer")
	d.leak(d.found)
	_, err := d.story.person.Logical().Read("itwin/token/missing")
	require.Error(t, err)
	_, err = d.story.person.Logical().Read("itwin/config")
	require.Error(t, err)
}

func (d *auditDesk) leak(got token) { d.write("leaked.txt", got.AccessToken) }

func (d *auditDesk) leakUntuned(*testing.T) { d.leak(d.story.first) }

// changeAll makes each change that the server's log has a line for.
func (d *auditDesk) changeAll(*testing.T) {
	d.mustWrite("itwin/role/editor", fields{"scopes": "imodels:modify"})
	d.ims.Fault(emulator.Fault{Error: "invalid_client"})
	_, err := d.root.Logical().Write("itwin/rotate/editor", nil)
	require.Error(d.t, err)
	d.ims.Heal()
	d.mustWrite("itwin/rotate/editor", nil)
	d.ims.Fault(emulator.Fault{SameToken: true})
	d.mustWrite("itwin/rotate/editor", nil)
	d.mustWrite("itwin/rotate/editor", nil)
	d.ims.Heal()
	d.mustDelete("itwin/role/editor")
	d.mustWrite("itwin/config/other", app(d.ims, nil))
	d.mustDelete("itwin/config/other")
	d.configure(fields{"request_timeout": "5s"})
}

// lastRead is the log's latest answer to a read of the viewer's token.
func (d *auditDesk) lastRead() map[string]any {
	d.t.Helper()
	file, err := os.Open(d.log)
	require.NoError(d.t, err)
	defer func() { require.NoError(d.t, file.Close()) }()
	var last map[string]any
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var entry map[string]any
		require.NoError(d.t, json.Unmarshal(lines.Bytes(), &entry))
		request, _ := entry["request"].(map[string]any)
		if entry["type"] == "response" && request["path"] == "itwin/token/viewer" {
			last = entry
		}
	}
	require.NotNil(d.t, last, "the log has no read")
	return last
}

func (d *auditDesk) testTableOfFields(t *testing.T) {
	d.story.readAs(d.story.person, "itwin/token/viewer")
	tuned := d.lastRead()
	rows := d.rows(`(HMAC|clear) \| (HMAC|clear)`)
	require.Greater(t, len(rows), 15, "the page has its table")
	listed := make(map[string]bool)
	for _, row := range rows {
		listed[row[1]] = true
		require.Equal(t, row[2], shown(t, d.plain, row[1]), "%s without the tune", row[1])
		require.Equal(t, row[3], shown(t, tuned, row[1]), "%s with it", row[1])
	}
	for key := range tuned["response"].(map[string]any)["data"].(map[string]any) {
		require.True(t, listed["response.data."+key], "the page doesn't list %s", key)
	}
}

// rows are those of the page's tables whose first column is code and whose others fit a pattern.
func (d *auditDesk) rows(others string) [][]string {
	d.t.Helper()
	page, err := os.ReadFile(filepath.Join(repositoryPath, auditingPage))
	require.NoError(d.t, err)
	return regexp.MustCompile("(?m)^\\| `([^`]+)` \\| "+others+" \\|$").FindAllStringSubmatch(string(page), -1)
}

// shown says how an entry of the log has a field.
func shown(t *testing.T, entry map[string]any, path string) string {
	t.Helper()
	var value any = entry
	for key := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		require.Truef(t, ok, "%s: no object has %s", path, key)
		value = object[key]
	}
	require.NotNil(t, value, path)
	if text, ok := value.(string); ok && strings.HasPrefix(text, "hmac-sha256:") {
		return "HMAC"
	}
	return "clear"
}

func (d *auditDesk) testTableOfLines(t *testing.T) {
	rows := d.rows("(info|warn)")
	require.NotEmpty(t, rows, "the page has its table")
	for _, row := range rows {
		line := `\[` + strings.ToUpper(row[2]) + `\].*` + regexp.QuoteMeta(row[1])
		require.Regexp(t, line, d.server.Log(t))
	}
}

func (d *auditDesk) testNoSecretIsLogged(t *testing.T) {
	audit, err := os.ReadFile(d.log)
	require.NoError(t, err)
	for _, text := range []string{clientSecret, d.story.first.AccessToken, d.found.AccessToken} {
		require.NotContains(t, string(audit), text)
		require.NotContains(t, d.server.Log(t), text)
	}
}
