package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// longJob is what min_ttl=50m in the examples leaves of a token's life, with a minute for a slow test.
const longJob = 49 * time.Minute

func (c *consumers) testCLIReads(t *testing.T) {
	script := `source ./read.sh; printf "token: %s" "$ITWIN_TOKEN"`
	out := c.run(t, c.reader(t), copyExample(t, "cli"), "bash", "-c", script)
	table, rest, found := strings.Cut(out, "\n{")
	require.True(t, found, "no JSON after the table")
	require.Regexp(t, `(?m)^ttl\s+[23]\d?m(\d+s)?$`, table)

	var answer struct{ Data token }
	require.NoError(t, json.NewDecoder(strings.NewReader("{"+rest)).Decode(&answer))
	require.Positive(t, answer.Data.TTL)

	_, long, found := strings.Cut(out, "token: ")
	require.True(t, found)
	require.GreaterOrEqual(t, time.Until(c.issued(t, long).Expiry), longJob)
}

func (c *consumers) testCLIWraps(t *testing.T) {
	c.issued(t, c.run(t, c.reader(t), copyExample(t, "cli"), "./wrap.sh"))
}

func (c *consumers) testBatchToken(t *testing.T) {
	batch := c.run(t, c.root.Token(), copyExample(t, "cli"), "./batch.sh")
	require.True(t, strings.HasPrefix(batch, "hvb."), "not a batch token")
	c.read(t, batch)
}

func (c *consumers) testHTTP(t *testing.T) {
	c.issued(t, c.get(t, "token.http").AccessToken)
	require.GreaterOrEqual(t, time.Until(c.issued(t, c.get(t, "long-job.http").AccessToken).Expiry), longJob)
}

// get sends a request of examples/http.
func (c *consumers) get(t *testing.T, file string) token {
	t.Helper()
	host := strings.TrimPrefix(c.server.Addr, "http://")
	text := strings.NewReplacer("{{vault}}", host, "{{token}}", c.reader(t)).Replace(readExample(t, "http", file))
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	require.NoError(t, err)
	req.URL.Scheme, req.URL.Host, req.RequestURI = "http", host, ""
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var answer struct{ Data token }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer.Data
}

func (c *consumers) testHintsNameTheMount(t *testing.T) {
	vaulttest.Mount(t, c.root, c.plugin, "teams/itwin-prod")
	_, err := c.root.Logical().Read("teams/itwin-prod/token")
	requireStatus(t, err, http.StatusBadRequest, "vault write teams/itwin-prod/config")
	_, err = c.root.Logical().Read("teams/itwin-prod/token/viewer")
	requireStatus(t, err, http.StatusBadRequest, "`vault write -f teams/itwin-prod/role/viewer`")
}
