package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testCLIHabits reads each field as scripts do: by its name, as JSON by the environment, and by the command for kv.
func (c *consumers) testCLIHabits(t *testing.T) {
	root, dir := c.root.Token(), t.TempDir()
	for _, path := range []string{viewerPath, "itwin/config", "itwin/role/viewer"} {
		command := c.command(t, root, dir, "vault", "read", path)
		command.Env = append(command.Env, "VAULT_FORMAT=json")
		a := decodeAnswer(t, strings.NewReader(succeed(t, command)))
		require.NotEmpty(t, a.Data, path)
		for field, value := range a.Data {
			if field != "ttl" { // which counts down
				require.Equal(t, fmt.Sprint(value), c.run(t, root, dir, "vault", "read", "-field="+field, path), "%s of %s", field, path)
			}
		}
	}
	require.Equal(t,
		c.run(t, root, dir, "vault", "read", "-field=access_token", viewerPath),
		c.run(t, root, dir, "vault", "kv", "get", "-field=access_token", viewerPath))
	var roles []string
	require.NoError(t, json.Unmarshal([]byte(c.run(t, root, dir, "vault", "list", "-format=json", "itwin/role")), &roles))
	require.Equal(t, []string{"viewer"}, roles)
}
