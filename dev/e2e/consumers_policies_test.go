package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testPolicies asks Vault what each policy allows on each kind of path, and around the mount.
func (c *consumers) testPolicies(t *testing.T) {
	const none, all = "deny", "create delete list patch read update"
	policies := [4]string{"itwin-reader", "itwin-operator", "itwin-auditor", "itwin-break-glass"}
	for path, want := range map[string][4]string{
		"itwin/token":         {none, none, none, all},
		"itwin/token/viewer":  {"read", none, none, all},
		"itwin/token/editor":  {none, none, none, all},
		"itwin/config":        {none, all, "list read", all},
		"itwin/config/survey": {none, all, "list read", all},
		"itwin/role/viewer":   {none, all, "list read", all},
		"itwin/rotate":        {none, "update", none, all},
		"itwin/rotate/viewer": {none, "update", none, all},
		"itwin/check":         {none, "read", none, all},
		"itwin/check/viewer":  {none, "read", none, all},
		"itwin/introspect":    {none, none, "update", all},
		"itwin/status":        {none, "read", "read", all},
		"itwin/metrics":       {none, "read", "read", all},

		"sys/audit-hash/file":           {none, none, "update", none},
		"sys/mounts":                    {none, none, none, none},
		"sys/mounts/itwin/tune":         {none, none, none, none},
		"sys/policies/acl/itwin-reader": {none, none, none, none},
	} {
		for i, policy := range policies {
			got, err := c.root.Sys().Capabilities(c.user(t, policy), path)
			require.NoError(t, err)
			require.Equalf(t, want[i], strings.Join(got, " "), "%s on %s", policy, path)
		}
	}
	// Which rule Vault takes for a list differs from what it takes for other operations.
	for _, policy := range policies[1:] {
		for _, path := range []string{"itwin/config", "itwin/role"} {
			_, err := c.server.Client(t, c.user(t, policy)).Logical().List(path)
			require.NoErrorf(t, err, "%s on %s", policy, path)
		}
	}
}

// testAuditor goes from a token that was found somewhere to the line of the audit log that says who read it.
func (c *consumers) testAuditor(t *testing.T) {
	got := c.read(t, c.reader(t))
	for name, text := range map[string]string{"token": got.AccessToken, "token_id": got.ID} {
		find := c.command(t, c.user(t, "itwin-auditor"), examplePath("policies"), "./find-reader.sh", c.audit)
		find.Env = append(find.Env, "ITWIN_TOKEN="+text)
		lines := succeed(t, find)
		require.Containsf(t, lines, viewerPath, "by the %s", name)
		require.Containsf(t, lines, "itwin-reader", "by the %s", name)
		require.NotContainsf(t, lines, got.AccessToken, "by the %s", name)
	}
}

// testBreakGlass leaves the mount without its app.
func (c *consumers) testBreakGlass(t *testing.T) {
	c.run(t, c.user(t, "itwin-break-glass"), examplePath("policies"), "./stop-app.sh")
	_, err := c.server.Client(t, c.reader(t)).Logical().Read(viewerPath)
	requireStatus(t, err, http.StatusBadRequest, "vault write itwin/config")
}
