package itwin

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/testhelpers/schema"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/input"
)

func TestAnswersKeepToTheirSchema(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config/qa", e.app())
	e.mustWrite("role/viewer", fields{keyApp: "qa"})
	e.mustWrite("role/gone", nil)
	for _, call := range []struct {
		op   logical.Operation
		path string
	}{
		{logical.ReadOperation, "config"},
		{logical.ReadOperation, "config/qa"},
		{logical.ListOperation, "config/"},
		{logical.ReadOperation, "role/viewer"},
		{logical.ListOperation, "role/"},
		{logical.ReadOperation, "token"},
		{logical.UpdateOperation, "token"},
		{logical.ReadOperation, "token/viewer"},
		{logical.UpdateOperation, "token/viewer"},
		{logical.UpdateOperation, "rotate"},
		{logical.UpdateOperation, "rotate/viewer"},
		{logical.UpdateOperation, "config"},
		{logical.PatchOperation, "config/qa"},
		{logical.UpdateOperation, "role/viewer"},
		{logical.PatchOperation, "role/viewer"},
		{logical.DeleteOperation, "role/gone"},
		{logical.DeleteOperation, "config/qa"},
	} {
		want := schema.GetResponseSchema(t, e.Route(call.path), call.op)
		schema.ValidateResponse(t, want, e.must(call.op, call.path, nil), true)
	}
}

func TestFieldsOfAWrongTypeAreNotRepeated(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	secret := fields{"canary": canarySecret}
	for _, op := range []logical.Operation{logical.CreateOperation, logical.UpdateOperation, logical.PatchOperation} {
		for _, path := range []string{"config", "config/new"} {
			status, text := e.mustFail(op, path, fields{keyClientSecret: secret})
			require.Equal(t, http.StatusBadRequest, status)
			require.Equal(t, "client_secret must be a string", text)
		}
	}
	checked, exists, err := e.HandleExistenceCheck(t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "config", Data: fields{keyClientSecret: secret}, Storage: e.storage,
	})
	require.NoError(t, err, "Vault logs the text of an existence check's error")
	require.False(t, checked)
	require.False(t, exists)
}

func TestFieldsUnknownToATokenAreIgnored(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	require.Equal(t, e.token(), e.mustRead("token", fields{"version": 2}).Data[keyAccessToken])
}

func TestNearMissesNameThePath(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	_, text := e.mustFail(logical.ReadOperation, "token", fields{keyRole: "viewer"})
	require.Equal(t, "the role is part of the path, not a field: use itwin/token/<role>", text)
	_, text = e.mustFailRead("tokens")
	require.Contains(t, text, "there is no path itwin/tokens: tokens are at itwin/token and itwin/token/<role>")
}

// oddities are values that no field means. Each has a canary that no answer may
// repeat.
func oddities() map[string]any {
	return map[string]any{
		"a number":                        -5,
		"a fraction":                      1.5,
		"a map":                           fields{"canary": "canary"},
		"a list in a list":                []any{[]any{"canary"}},
		"a list of numbers":               []any{1, 2},
		"a text of another kind":          "canary\x01",
		"a byte order mark in front":      "\uFEFFcanary",
		"a byte order mark within":        "can\uFEFFary",
		"a line break within":             "can\nary",
		"two line breaks at the end":      "canary\n\n",
		"a tab at the end":                "canary\t",
		"a NUL":                           "canary\x00",
		"a space that doesn't break":      "canary\u00a0",
		"a space without width":           "can\u200bary",
		"a text in another encoding":      "\ufffd\ufffdc\x00anary",
		"a variable that isn't filled in": "${canary}",
		"a missing value":                 "undefined",
		"a missing value in a list":       []any{"null"},
		"a list with a byte order mark":   []any{"\uFEFFcanary"},
		"a list with a line break within": []string{"can\nary", "canary"},
	}
}

// call is a way to give a field to a path.
type call struct {
	op   logical.Operation
	path string
}

// calls returns every operation that takes the fields of a path.
func calls(p *framework.Path) []call {
	target := strings.NewReplacer("$", "", "^", "").Replace(regexp.MustCompile(`\(.*\)`).ReplaceAllString(p.Pattern, "viewer"))
	var all []call
	for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation, logical.PatchOperation} {
		if _, ok := p.Operations[op]; ok {
			all = append(all, call{op, target})
		}
	}
	return all
}

func TestEveryFieldOfEveryPathRefusesWhatItCannotMean(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	e.mustWrite("config/viewer", e.app(fields{keyVerify: false}))
	e.mustWrite("role/viewer", nil)
	before := e.storage.Entries(t, "")
	tried := 0
	for _, p := range e.Paths {
		for _, name := range bodyFields(p) {
			for what, value := range oddities() {
				for _, c := range calls(p) {
					if c.op == logical.ReadOperation && !p.Fields[name].Query {
						continue // a read has no use for it
					}
					tried++
					mustRefuseOddity(t, e, c, name, what, value)
				}
			}
		}
	}
	require.Greater(t, tried, 500)
	require.Equal(t, before, e.storage.Entries(t, ""))
	require.Zero(t, e.ims.Exchanges(), "nothing is sent")
}

func mustRefuseOddity(t *testing.T, e *env, c call, name, what string, value any) {
	t.Helper()
	text, isText := value.(string)
	if name == keyClientSecret && input.Leftover(text) != "" {
		return // it may be the secret: IMS decides
	}
	if name == keyToken && isText { // introspect answers for a token as it was pasted
		resp, err := e.handle(t.Context(), c.op, c.path, fields{name: value})
		require.NotContains(t, fmt.Sprint(resp, err), "canary", what)
		return
	}
	status, text := e.mustFail(c.op, c.path, fields{name: value})
	require.Equal(t, http.StatusBadRequest, status, "%s %s %s: %s", c.op, c.path, name, what)
	require.True(t, strings.HasPrefix(text, name+" "), "%s %s %s: %s: %s", c.op, c.path, name, what, text)
	_, _, err := e.HandleExistenceCheck(t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: c.path, Data: fields{name: value}, Storage: e.storage,
	})
	require.NoError(t, err, "Vault logs the text of an existence check's error")
}

// stores are the paths that keep what is written, with what they need at first.
func stores(e *env) map[string]fields {
	app := e.app(fields{keyVerify: false})
	return map[string]fields{"config": app, "config/qa": app, "role/viewer": {}}
}

// readAfter is what reads back after a first write.
// Without a value, the field is left out.
func readAfter(t *testing.T, path, name string, value ...any) fields {
	t.Helper()
	e := newEnv(t)
	data := stores(e)[path]
	delete(data, name)
	for _, v := range value {
		data[name] = v
	}
	e.mustWrite(path, data)
	shown := e.mustRead(path).Data
	for key, value := range shown { // each environment has an IMS at another port
		if text, ok := value.(string); ok {
			shown[key] = strings.ReplaceAll(text, e.ims.URL, "IMS")
		}
	}
	return shown
}

func TestEveryFieldTakesAnEmptyValueAsItsDefault(t *testing.T) {
	t.Parallel()
	for path := range stores(newEnv(t)) {
		for _, name := range bodyFields(newEnv(t).Route(path)) {
			if name == keyClientID || name == keyClientSecret {
				continue // they have none
			}
			want := readAfter(t, path, name)
			for _, empty := range []any{"", "\n", "\r\n", nil, []any{}} {
				if _, isList := empty.([]any); isList && !ruleOf(name).List {
					continue
				}
				got := readAfter(t, path, name, empty)
				if empty != nil && name == keyTokenURL {
					require.Empty(t, got[name], "an address that follows the authority reads back as it was written")
					got[name] = want[name]
				}
				require.Equal(t, want, got, "%s %s=%q", path, name, empty)
			}
		}
	}
}

func TestEveryFieldTakesAFileWithItsLineBreak(t *testing.T) {
	t.Parallel()
	examples := map[string]string{
		keyClientID: "service-other", keyClientSecret: "other", keyTokenURL: "https://ims.example/token", keyApp: "qa",
		keyScopes: "b,a", keyVerify: "false", keyPersistTokens: "false", keyRenewBefore: "90s", keyAuthMethod: "client_secret_basic",
	}
	for path := range stores(newEnv(t)) {
		for _, name := range bodyFields(newEnv(t).Route(path)) {
			field := newEnv(t).Route(path).Fields[name]
			value := examples[name]
			if value == "" {
				value, _ = field.Default.(string)
			}
			if ruleOf(name).File || ruleOf(name).List && value == "" {
				continue
			}
			value = cmp.Or(value, "example")
			want := readAfter(t, path, name, value)
			require.Equal(t, want, readAfter(t, path, name, value+"\n"), "%s %s", path, name)
			require.Equal(t, want, readAfter(t, path, name, value+"\r\n"), "%s %s", path, name)
		}
	}
}

func TestQueriesObeyTheRulesOfBodies(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for _, value := range []any{"50m\n", "", 5, "5"} {
		require.Equal(t, canaryToken+"1", e.mustRead("token", fields{keyMinTTL: value}).Data[keyAccessToken], "%q", value)
	}
	for _, value := range []any{"canary", true, "1500ms", []string{"5", "6"}} {
		_, text := e.mustFail(logical.ReadOperation, "token", fields{keyMinTTL: value})
		require.Contains(t, text, "min_ttl must be ", "%v", value)
	}
}

func TestNamesThatStorageOrPathsCannotHoldAreRefused(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for name, rule := range map[string]string{
		"a..b":                     nameRule,
		"a b":                      nameRule,
		"a/b":                      nameRule,
		"-a":                       nameRule,
		"a.":                       nameRule,
		"ä":                        nameRule,
		strings.Repeat("a", 129):   "must be at most 128 characters long",
		strings.Repeat("ab/", 400): "must be at most 128 characters long",
	} {
		for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation, logical.PatchOperation} {
			status, text := e.mustFail(op, "config/"+name, fields{keyClientID: "canary", keyClientSecret: canarySecret})
			require.Equal(t, http.StatusBadRequest, status)
			require.Equal(t, "the app's name in the path "+rule, text)
		}
		rule = strings.Replace(rule, "dashes and dots", "dashes, @ and dots", 1)
		for _, c := range []call{
			{logical.ReadOperation, "role/"},
			{logical.UpdateOperation, "role/"},
			{logical.ReadOperation, "token/"},
			{logical.UpdateOperation, "rotate/"},
			{logical.ReadOperation, "check/"},
		} {
			status, text := e.mustFail(c.op, c.path+name, nil)
			require.Equal(t, http.StatusBadRequest, status)
			require.Equal(t, "the role's name in the path "+rule, text)
		}
		_, text := e.mustFail(logical.UpdateOperation, "role/viewer", fields{keyApp: name})
		require.Regexp(t, "app (may contain|must be at most) ", text)
	}
	require.Empty(t, e.storage.Entries(t, rolePrefix))
}

func TestNamesUpToTheLimitAreAccepted(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for _, name := range []string{"a", strings.Repeat("a", 128), "a.b-c_d", "alice@example.com"} {
		e.mustWrite("role/"+name, nil)
		require.Equal(t, canaryToken+"1", e.token("token/"+name))
		e.mustDelete("role/" + name)
	}
	_, text := e.mustFail(logical.ReadOperation, "config/alice@example.com", nil)
	require.Contains(t, text, "the app's name in the path")
}

func TestListsDescribeWhatTheyList(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config/qa", e.app(fields{keyClientID: "service-qa"}))
	e.mustWrite("role/viewer", fields{keyApp: "qa", keyScopes: "itwins:read"})
	e.storage.Plant(t, "role/damaged", "{")
	apps := e.must(logical.ListOperation, "config/", nil).Data
	require.Equal(t, fields{"qa": fields{keyClientID: "service-qa"}}, apps["key_info"])
	roles := e.must(logical.ListOperation, "role/", nil).Data
	require.Equal(t, []string{"damaged", "viewer"}, roles["keys"])
	require.Equal(t, fields{"viewer": fields{keyApp: "qa", keyScopes: "itwins:read"}}, roles["key_info"])
}
