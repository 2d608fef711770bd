package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const auditingPage = "docs/auditing.md"

// auditDesk is a desk of a security team, with an audit log that the page turns on.
type auditDesk struct {
	*desk

	log            string
	kim            *api.Client
	untuned, tuned token          // what kim reads before and after the tune
	shownUntuned   map[string]any // what the log shows of the former
}

// TestAuditing runs the page as it stands, with kim as a reader before and after the tune.
func TestAuditing(t *testing.T) {
	t.Parallel()
	programs.Find(t, "unzip")
	d := &auditDesk{desk: newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})}
	d.log = filepath.Join(d.dir, "audit.log")
	d.stand = append(d.stand, "/var/log/vault/audit.log", d.log, "/usr/local/bin", d.bin)
	d.kim = d.login()
	d.release()
	d.cues = d.auditingCues()
	d.work(auditingPage)
	t.Run("the page says what is an HMAC and what is in clear", d.testTableOfFields)
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
	leaked := func(got *token) func(*testing.T) {
		return func(*testing.T) { d.write("leaked.txt", got.AccessToken) }
	}
	return []*cue{
		{at: "vault audit enable", after: d.readUntuned},
		{at: "vault secrets tune", after: d.readTuned},
		{at: "itwin-audit -version", after: names(installedVersion)},
		{at: "readers --token - /var", before: leaked(&d.tuned), after: names("userpass-kim", "viewer", "itwin-person")},
		{at: "readers --token-id", after: names("userpass-kim", "viewer")},
		{at: `grep -F "$id"`, after: names(`"display_name":"userpass-kim"`, `"path":"itwin/token/viewer"`)},
		{at: "--vault --device", before: leaked(&d.untuned), after: names("userpass-kim", `"path":"itwin/token/viewer"`)},
		{at: "tokens --reader", after: func(t *testing.T, output string) {
			t.Helper()
			names(d.tuned.ID, "token/missing", `"path":"itwin/token/viewer"`)(t, output)
		}},
		{at: "--format html", after: func(t *testing.T, output string) {
			t.Helper()
			names("userpass-kim", "viewer")(t, output)
			require.FileExists(t, filepath.Join(d.dir, "week.html"))
		}},
		{at: "(config|role)", before: d.change, after: names(`"path":"itwin/config"`, `"path":"itwin/role/editor"`)},
		{at: "'permission denied'", after: names(`"path":"itwin/config"`, `"display_name":"userpass-kim"`)},
		{at: "introspect", before: leaked(&d.tuned), after: names(d.ims.URL())},
	}
}

// readUntuned is kim's read of a token that the log shows as HMACs alone.
func (d *auditDesk) readUntuned(*testing.T, string) {
	d.untuned = d.readAs(d.kim, "itwin/token/viewer")
	d.shownUntuned = d.lastRead()
}

// readTuned is kim's read of another token, in clear, beside reads that fail.
func (d *auditDesk) readTuned(t *testing.T, output string) {
	t.Helper()
	require.Contains(t, output, "token_id")
	d.mustWrite("itwin/rotate/viewer", nil)
	d.tuned = d.readAs(d.kim, "itwin/token/viewer")
	_, err := d.kim.Logical().Read("itwin/token/missing")
	require.Error(t, err)
	_, err = d.kim.Logical().Read("itwin/config")
	require.Error(t, err)
}

func (d *auditDesk) change(*testing.T) {
	d.mustWrite("itwin/role/editor", fields{"scopes": "imodels:modify"})
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
	d.readAs(d.kim, "itwin/token/viewer")
	shownTuned := d.lastRead()
	page, err := os.ReadFile(filepath.Join(repositoryPath, auditingPage))
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (HMAC|clear) \\| (HMAC|clear) \\|$").FindAllStringSubmatch(string(page), -1)
	listed := make(map[string]bool)
	for _, row := range rows {
		listed[row[1]] = true
		require.Equal(t, row[2], shown(t, d.shownUntuned, row[1]), "%s without the tune", row[1])
		require.Equal(t, row[3], shown(t, shownTuned, row[1]), "%s with it", row[1])
	}
	for key := range shownTuned["response"].(map[string]any)["data"].(map[string]any) {
		require.True(t, listed["response.data."+key], "the page doesn't list %s", key)
	}
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
