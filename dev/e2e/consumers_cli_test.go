package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// answer is a token as JSON, with numbers as they were sent.
type answer struct {
	LeaseID   string         `json:"lease_id"`
	Renewable bool           `json:"renewable"`
	Data      map[string]any `json:"data"`
}

func decodeAnswer(t *testing.T, text io.Reader) answer {
	t.Helper()
	decoder := json.NewDecoder(text)
	decoder.UseNumber()
	var a answer
	require.NoError(t, decoder.Decode(&a))
	return a
}

// seconds is a field that has to be a whole number.
func (a answer) seconds(t *testing.T, field string) int64 {
	t.Helper()
	number, ok := a.Data[field].(json.Number)
	require.Truef(t, ok, "%s is %T, not a number", field, a.Data[field])
	n, err := number.Int64()
	require.NoErrorf(t, err, "%s is not a whole number", field)
	return n
}

func (a answer) text(t *testing.T, field string) string {
	t.Helper()
	text, ok := a.Data[field].(string)
	require.Truef(t, ok, "%s is %T, not a string", field, a.Data[field])
	return text
}

func (c *consumers) testCLIReads(t *testing.T) {
	script := `source ./read.sh; printf "token: %s" "$ITWIN_TOKEN"`
	out := c.run(t, c.reader(t), copyExample(t, "cli"), "bash", "-c", script)
	table, rest, found := strings.Cut(out, "\n{")
	require.True(t, found, "no JSON after the table")
	for row, value := range map[string]string{
		"ttl":                 `[23]\d?m(\d+s)?`,
		"rotation_period":     `30m`,
		"last_vault_rotation": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`,
		"token_type":          `Bearer`,
	} {
		require.Regexp(t, `(?m)^`+row+`\s+`+value+`$`, table)
	}

	a := decodeAnswer(t, strings.NewReader("{"+rest))
	require.Empty(t, a.LeaseID)
	require.False(t, a.Renewable)
	require.Equal(t, int64(1800), a.seconds(t, "rotation_period"))
	require.Positive(t, a.seconds(t, "ttl"))

	_, long, found := strings.Cut(out, "token: ")
	require.True(t, found)
	require.GreaterOrEqual(t, time.Until(c.issued(t, long).Expiry), 49*time.Minute)
	_, err := c.root.Logical().ReadWithData(viewerPath, map[string][]string{"min_ttl": {"55m"}})
	requireStatus(t, err, http.StatusBadRequest, "min_ttl")
}

func (c *consumers) testCLIWraps(t *testing.T) {
	dir := copyExample(t, "cli")
	c.issued(t, c.run(t, c.reader(t), dir, "./wrap.sh"))

	wrapping := c.run(t, c.reader(t), dir, "vault", "read", "-wrap-ttl=60s", "-field=wrapping_token", viewerPath)
	c.issued(t, c.run(t, "", dir, "vault", "unwrap", "-field=access_token", wrapping))
	_, err := c.server.Client(t, "").Logical().Unwrap(wrapping)
	requireStatus(t, err, http.StatusBadRequest, "wrapping token is not valid or does not exist")
}

func (c *consumers) testBatchToken(t *testing.T) {
	batch := c.run(t, c.root.Token(), copyExample(t, "cli"), "./batch.sh")
	require.True(t, strings.HasPrefix(batch, "hvb."), "not a batch token")
	got, err := readToken(t.Context(), c.server.Client(t, batch), viewerPath)
	require.NoError(t, err)
	c.issued(t, got.AccessToken)
}

func (c *consumers) testHTTP(t *testing.T) {
	c.issued(t, c.get(t, "token.http").text(t, "access_token"))
	long := c.get(t, "long-job.http")
	require.GreaterOrEqual(t, time.Until(c.issued(t, long.text(t, "access_token")).Expiry), 49*time.Minute)
}

// get sends a request of examples/http.
func (c *consumers) get(t *testing.T, file string) answer {
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
	return decodeAnswer(t, resp.Body)
}

func (c *consumers) testHintsNameTheMount(t *testing.T) {
	vaulttest.Mount(t, c.root, c.plugin, "teams/itwin-prod")
	_, err := c.root.Logical().Read("teams/itwin-prod/token")
	requireStatus(t, err, http.StatusBadRequest, "vault write teams/itwin-prod/config")
	_, err = c.root.Logical().Read("teams/itwin-prod/token/viewer")
	requireStatus(t, err, http.StatusBadRequest, "`vault write -f teams/itwin-prod/role/viewer`")
}
