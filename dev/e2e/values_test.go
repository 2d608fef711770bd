package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// vault runs the vault command as root, which may fail, and returns all that it printed.
func (e *env) vault(args ...string) (string, error) {
	e.t.Helper()
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", e.server.PID()))
	require.NoError(e.t, err)
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"VAULT_ADDR=" + e.server.Addr, "VAULT_TOKEN=" + e.root.Token(), "HOME=" + e.t.TempDir()}
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func TestValuesReachTheEngineAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	exchanges := e.ims.Exchanges()
	for name, c := range map[string]struct {
		path  string
		data  fields
		shown any // of the one field
	}{
		"a key given twice":  {"itwin/role/twice", fields{"scopes": []string{"b", "a"}}, []any{"b", "a"}},
		"a list of roles":    {"itwin/config", fields{"allowed_roles": []any{"*", "x"}, "verify": false}, []any{"*", "x"}},
		"a file":             {"itwin/config", fields{"auth_method": "client_secret_basic\r\n", "verify": "false\n"}, "client_secret_basic"},
		"an unset variable":  {"itwin/config", fields{"persist_tokens": "", "verify": false}, true},
		"a name of an alias": {"itwin/role/alice@example.com", fields{"scopes": "b,a\n"}, "b,a"},
	} {
		t.Run(name, func(t *testing.T) {
			e.mustWrite(c.path, c.data)
			delete(c.data, "verify")
			shown := e.mustRead(c.path).Data
			for field := range c.data {
				require.Equal(t, c.shown, shown[field])
			}
		})
	}
	for name, c := range map[string]struct {
		path, text string
		data       fields
	}{
		"a secret with a byte order mark": {"itwin/config", "client_secret has a byte order mark", fields{"client_secret": "\uFEFFcanary"}},
		"a secret that is a number":       {"itwin/config", "client_secret must be a string", fields{"client_secret": 5}},
		"a secret in another encoding": {
			"itwin/config", "client_secret has a character that isn't UTF-8", fields{"client_secret": "\xff\xfec"},
		},
		"two dots in a role":       {"itwin/role/a..b", "two dots in a row", nil},
		"two dots in a role's app": {"itwin/role/x", "two dots in a row", fields{"app": "a..b"}},
		"a long name":              {"itwin/config/" + strings.Repeat("a", 129), "at most 128 characters", fields{"client_id": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.root.Logical().Write(c.path, c.data)
			requireStatus(t, err, http.StatusBadRequest, c.text)
			require.NotContains(t, err.Error(), "canary")
		})
	}
	require.Equal(t, exchanges, e.ims.Exchanges(), "nothing of it was sent")
	listed, err := e.root.Logical().List("itwin/role")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"app": "", "scopes": "b,a"}, listed.Data["key_info"].(map[string]any)["alice@example.com"])
}

func TestAppsLimitTheRolesThatMayUseThem(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(fields{"allowed_roles": "team-*,auditor"})
	require.Equal(t, "team-*,auditor", e.mustRead("itwin/config").Data["allowed_roles"])
	for name, allowed := range map[string]bool{"team-a": true, "auditor": true, "auditor-2": false, "other": false} {
		e.mustWrite("itwin/role/"+name, nil)
		_, byRead := e.root.Logical().Read("itwin/token/" + name)
		_, byRotate := e.root.Logical().Write("itwin/rotate/"+name, nil)
		_, byCheck := e.root.Logical().Read("itwin/check/" + name)
		for _, err := range []error{byRead, byRotate, byCheck} {
			if allowed {
				require.NoError(t, err, name)
				continue
			}
			requireStatus(t, err, http.StatusBadRequest, name, "allowed_roles")
		}
	}
	e.mustToken("itwin/token") // needs no role
	status, err := json.Marshal(e.mustRead("itwin/status").Data)
	require.NoError(t, err)
	require.Contains(t, string(status), "allowed_roles", "which says what is wrong with the role, and what to run")

	e.mustWrite("itwin/config", fields{"allowed_roles": []string{"other"}})
	e.mustToken("itwin/token/other")
	requireStatus(t, e.read("itwin/token/team-a").err, http.StatusBadRequest, "allowed_roles")
	e.mustWrite("itwin/config", fields{"allowed_roles": ""})
	e.mustToken("itwin/token/team-a")
}

func TestListsTellWhatEachEntryIsFor(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.mustWrite("itwin/config/second", app(e.ims, nil))
	e.mustWrite("itwin/role/viewer", fields{"app": "second", "scopes": "itwins:read"})
	table := e.server.CLI(t, e.root.Token(), "list", "-detailed", "itwin/role")
	require.Regexp(t, `(?m)^Keys\s+app\s+scopes\s*$`, table)
	require.Regexp(t, `(?m)^viewer\s+second\s+itwins:read\s*$`, table)
	table = e.server.CLI(t, e.root.Token(), "list", "-detailed", "itwin/config")
	require.Regexp(t, `(?m)^second\s+`+clientID+`\s*$`, table)
	require.NotContains(t, table, clientSecret)
}

func TestNamesThatStorageRefusesAreMistakesOfTheCaller(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	for path, data := range map[string]fields{
		"role/a..b":   nil,
		"role/viewer": {"app": "a..b"},
		"config/a..b": app(e.ims, nil),
		"token/a..b":  nil,
		"rotate/a..b": nil,
	} {
		_, err := e.root.Logical().Write(mount+"/"+path, data)
		requireStatus(t, err, http.StatusBadRequest)
	}
	out, err := e.vault("write", "itwin/role/a..b", "scopes=itwin-platform")
	require.Error(t, err)
	require.Contains(t, out, "Code: 400")
	roles, err := e.root.Logical().List("itwin/role")
	require.NoError(t, err)
	require.Nil(t, roles, "nothing was stored")
}

// TestRolesCanBeNamedAfterTheAliasOfAUser as policies can be templated by it:
// path "itwin/token/{{identity.entity.aliases.auth_userpass_1234.name}}".
func TestRolesCanBeNamedAfterTheAliasOfAUser(t *testing.T) {
	t.Parallel()
	const name = "ada@example.com"
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	e.mustWrite("itwin/role/"+name, fields{"scopes": "itwins:read"})
	require.Equal(t, []any{name}, e.mustList("itwin/role"))
	reader := e.server.User(t, "ada", `path "itwin/token/`+name+`" { capabilities = ["read"] }`)
	got, err := readToken(t.Context(), reader, "itwin/token/"+name)
	require.NoError(t, err)
	require.NotEmpty(t, got.AccessToken)
	e.mustWrite("itwin/rotate/"+name, nil)
	e.mustRead("itwin/check/" + name)
	e.mustDelete("itwin/role/" + name)
}

func TestAByteOrderMarkBeforeASecretIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	file := filepath.Join(t.TempDir(), "secret.txt")
	write := func(text string) (string, error) {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return e.vault("write", "itwin/config", "client_id="+clientID, "client_secret=@"+file,
			"authority="+e.ims.URL(), "api_url="+e.ims.URL())
	}
	for mark, text := range map[string]string{
		"UTF-8":  "\ufeff" + clientSecret,
		"UTF-16": "\xff\xfec\x00a\x00n\x00",
	} {
		out, err := write(text)
		require.Error(t, err, mark)
		require.Contains(t, out, "Code: 400", mark)
		require.Contains(t, out, "client_secret", mark)
		require.NotContains(t, out, "canary", mark)
	}
	require.Zero(t, e.ims.Exchanges())
	out, err := write(clientSecret + "\r\n")
	require.NoError(t, err, out)
	require.Equal(t, 1, e.ims.Exchanges(), "one line break at the end is the file's")
}

// TestAVariableThatIsNotSetMeansTheDefault as in `vault write itwin/config verify=$UNSET`.
func TestAVariableThatIsNotSetMeansTheDefault(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	out, err := e.vault("write", "itwin/config", "client_secret=wrong", "verify=")
	require.Error(t, err)
	require.Contains(t, out, "invalid_client", "it was verified")

	out, err = e.vault("write", "itwin/config", "persist_tokens=", "renew_before=", "auth_method=", "scopes=", "tls_min_version=")
	require.NoError(t, err, out)
	require.Subset(t, e.mustRead("itwin/config").Data, map[string]any{
		"persist_tokens": true, "renew_before": json.Number("1800"), "auth_method": "client_secret_post",
		"scopes": "itwin-platform", "tls_min_version": "tls12",
	})
	var answer *api.ResponseError
	_, err = e.root.Logical().Write("itwin/config", fields{"client_id": ""})
	require.ErrorAs(t, err, &answer, "what has no default is missed")
}
