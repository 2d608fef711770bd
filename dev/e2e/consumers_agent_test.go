package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// rotationsLimit is how long two rotations of 6 s may take on a busy machine.
const rotationsLimit = 60 * time.Second

var errAwaited = errors.New("still to come")

func (c *consumers) setUpAppRole(t *testing.T) {
	t.Helper()
	c.appRole = copyExample(t, "vault-agent")
	c.run(t, c.root.Token(), c.appRole, "./setup.sh")
}

// copyWithAppRole copies an example and puts the app's credentials beside it.
func (c *consumers) copyWithAppRole(t *testing.T, name string) string {
	t.Helper()
	dir := copyExample(t, name)
	for _, file := range []string{"role-id", "secret-id"} {
		require.NoError(t, copyFile(filepath.Join(c.appRole, file), filepath.Join(dir, file)))
	}
	return dir
}

func (c *consumers) testAgentTemplate(t *testing.T) {
	t.Parallel()
	dir := c.copyWithAppRole(t, "vault-agent")
	c.start(t, "", dir, "vault", "agent", "-config=template.hcl")
	c.followFile(t, filepath.Join(dir, "itwin-token"))
}

func (c *consumers) testConsulTemplate(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "consul-template")
	build := exec.Command("go", "build", "-o", binary, "github.com/hashicorp/consul-template")
	build.Dir = filepath.Join(repositoryPath, "dev", "consul-template")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	succeed(t, build)

	dir := copyExample(t, "consul-template")
	c.start(t, c.reader(t), dir, binary, "-config=config.hcl")
	c.followFile(t, filepath.Join(dir, "itwin-token"))
	require.FileExists(t, filepath.Join(dir, "app-told"))
}

// followFile watches a rendered file through two rotations: at any time it holds a token that is good, and nobody but
// its owner may read it.
func (c *consumers) followFile(t *testing.T, path string) {
	t.Helper()
	var seen []string
	vaulttest.Wait(t, rotationsLimit, "two rotations in "+filepath.Base(path), func() error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		require.True(t, c.issued(t, string(text)).Expiry.After(time.Now()), "the file holds an expired token")
		if !slices.Contains(seen, string(text)) {
			seen = append(seen, string(text))
		}
		if len(seen) < 3 {
			return fmt.Errorf("the file has held %d tokens: %w", len(seen), errAwaited)
		}
		return nil
	})
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func (c *consumers) testAgentExec(t *testing.T) {
	t.Parallel()
	dir := c.copyWithAppRole(t, "vault-agent")
	c.start(t, "", dir, "vault", "agent", "-config=exec.hcl")
	vaulttest.Wait(t, rotationsLimit, "two restarts of the app", func() error {
		text, err := os.ReadFile(filepath.Join(dir, "token-ids"))
		if err != nil {
			return err
		}
		ids := strings.Fields(string(text))
		for _, id := range ids {
			_, ok := c.findIssuedByID(id)
			require.True(t, ok, "the app was given something else than a token")
		}
		require.Len(t, slices.Compact(slices.Clone(ids)), len(ids), "the app was restarted with the same token")
		if len(ids) < 3 {
			return fmt.Errorf("the app has started %d times: %w", len(ids), errAwaited)
		}
		return nil
	})
}

func (c *consumers) testProxy(t *testing.T) {
	t.Parallel()
	dir := c.copyWithAppRole(t, "vault-proxy")
	addr := c.moveProxy(t, filepath.Join(dir, "proxy.hcl"))
	c.start(t, "", dir, "vault", "proxy", "-config=proxy.hcl")

	client := c.server.Client(t, "")
	require.NoError(t, client.SetAddress("http://"+addr))
	var first token
	vaulttest.Wait(t, rotationsLimit, "a rotation through the proxy", func() error {
		got, err := readToken(t.Context(), client, viewerPath)
		if err != nil {
			return err
		}
		require.Positive(t, got.left(time.Now()), "the proxy handed out an expired token")
		if first.ID == "" {
			first = got
		}
		if got.ID == first.ID {
			return errAwaited
		}
		return nil
	})

	if python, err := exec.LookPath("python3"); err == nil {
		app := c.command(t, "", copyExample(t, "python"), python, "whoami.py")
		app.Env = slices.DeleteFunc(app.Env, func(entry string) bool { return strings.HasPrefix(entry, "VAULT_TOKEN=") })
		app.Env = append(app.Env, "VAULT_ADDR=http://"+addr)
		require.Equal(t, appEmail, succeed(t, app), "an app without a Vault token")
	}
	resp, err := http.Get("http://" + addr + "/v1/" + viewerPath)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusPreconditionFailed, resp.StatusCode, "a request without X-Vault-Request was served")
}

// moveProxy puts a free port into the proxy's config, as tests may run side by side, and returns its address.
func (c *consumers) moveProxy(t *testing.T, config string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	const documented = `"127.0.0.1:8100"`
	require.Contains(t, string(text), documented)
	moved := strings.ReplaceAll(string(text), documented, `"`+listener.Addr().String()+`"`)
	require.NoError(t, os.WriteFile(config, []byte(moved), 0o600))
	return listener.Addr().String()
}
