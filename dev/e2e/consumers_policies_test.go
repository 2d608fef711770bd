package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// attempt is a request that a policy allows or forbids.
type attempt struct {
	operation, path string
	data            fields
}

func (a attempt) make(client *api.Client) error {
	var err error
	switch a.operation {
	case "read":
		_, err = client.Logical().Read(a.path)
	case "list":
		_, err = client.Logical().List(a.path)
	case "patch":
		_, err = client.Logical().JSONMergePatch(context.Background(), a.path, a.data)
	case "delete":
		_, err = client.Logical().Delete(a.path)
	default:
		_, err = client.Logical().Write(a.path, a.data)
	}
	return err
}

// policyCase is what the holder of a policy tries, in this order.
type policyCase struct {
	allowed, forbidden []attempt
}

func policyCases() map[string]policyCase {
	tokens := []attempt{
		{"read", "itwin/token", nil},
		{"read", viewerPath, nil},
		{"write", viewerPath, fields{"min_ttl": "1m"}},
	}
	changes := []attempt{
		{"write", "itwin/config", fields{"renew_before": "20m"}},
		{"patch", "itwin/config", fields{"renew_before": "20m"}},
		{"delete", "itwin/config", nil},
		{"write", "itwin/role/other", fields{"scopes": "itwin-platform"}},
		{"delete", "itwin/role/other", nil},
		{"write", "itwin/rotate", nil},
		{"write", "itwin/rotate/viewer", nil},
	}
	views := []attempt{
		{"read", "itwin/config", nil},
		{"list", "itwin/config", nil},
		{"read", "itwin/role/viewer", nil},
		{"list", "itwin/role", nil},
	}
	beside := []attempt{
		{"read", "sys/mounts", nil},
		{"write", "sys/mounts/itwin/tune", fields{"description": "mine"}},
		{"write", "sys/policies/acl/itwin-reader", fields{"policy": `path "*" { capabilities = ["read"] }`}},
	}
	survey := fields{"client_id": "service-survey", "client_secret": "s", "verify": false}
	ofOthers := []attempt{
		{"write", "itwin/config/survey", survey},
		{"write", "itwin/role/survey", fields{"app": "survey"}},
		{"delete", "itwin/role/survey", nil},
		{"delete", "itwin/config/survey", nil},
	}
	return map[string]policyCase{
		"itwin-reader": {
			allowed:   []attempt{{"read", viewerPath, nil}},
			forbidden: join([]attempt{{"read", "itwin/token", nil}, {"read", "itwin/token/editor", nil}}, changes, views, beside),
		},
		"itwin-operator": {
			allowed: join(views, ofOthers, []attempt{
				{"patch", "itwin/config", fields{"renew_before": "30m"}},
				{"write", "itwin/rotate/viewer", nil},
			}),
			forbidden: join(tokens, beside),
		},
		"itwin-auditor": {
			allowed:   join(views, []attempt{{"write", "sys/audit-hash/file", fields{"input": "x"}}}),
			forbidden: join(tokens, changes, beside),
		},
		"itwin-break-glass": {
			allowed:   join(tokens, views, ofOthers, []attempt{{"write", "itwin/rotate", nil}}),
			forbidden: join(beside, []attempt{{"write", "sys/audit-hash/file", fields{"input": "x"}}}),
		},
	}
}

func join(parts ...[]attempt) []attempt {
	var all []attempt
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func (c *consumers) testPolicies(t *testing.T) {
	for policy, test := range policyCases() {
		t.Run(policy, func(t *testing.T) {
			client := c.server.Client(t, c.user(t, policy))
			for _, a := range test.allowed {
				require.NoErrorf(t, a.make(client), "%s %s", a.operation, a.path)
			}
			for _, a := range test.forbidden {
				requireStatus(t, a.make(client), http.StatusForbidden, "permission denied")
			}
		})
	}
	t.Run("capabilities on each path", c.testCapabilities)
}

// testCapabilities asks Vault what each policy allows on the paths that help and show.
func (c *consumers) testCapabilities(t *testing.T) {
	const denied = "deny"
	for path, want := range map[string]map[string]string{
		"itwin/check":        {"itwin-reader": denied, "itwin-operator": "read", "itwin-auditor": denied},
		"itwin/check/viewer": {"itwin-reader": denied, "itwin-operator": "read", "itwin-auditor": denied},
		"itwin/introspect":   {"itwin-reader": denied, "itwin-operator": denied, "itwin-auditor": "update"},
		"itwin/status":       {"itwin-reader": denied, "itwin-operator": "read", "itwin-auditor": "read"},
		"itwin/metrics":      {"itwin-reader": denied, "itwin-operator": "read", "itwin-auditor": "read"},
	} {
		for policy, capability := range want {
			got, err := c.root.Sys().Capabilities(c.user(t, policy), path)
			require.NoError(t, err)
			require.Equalf(t, []string{capability}, got, "%s on %s", policy, path)
		}
	}
}

// testAuditor goes from a token that was found somewhere to the line of the audit log that says who read it.
func (c *consumers) testAuditor(t *testing.T) {
	got, err := readToken(t.Context(), c.server.Client(t, c.reader(t)), viewerPath)
	require.NoError(t, err)
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
