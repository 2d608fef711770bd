package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// rotationsLimit is how long two rotations of 6 s may take on a busy machine.
const rotationsLimit = 60 * time.Second

// startRenderers starts the programs that render the token into a file, and returns the files by name.
func (c *consumers) startRenderers(t *testing.T) map[string]string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "consul-template")
	build := exec.Command("go", "build", "-o", binary, "github.com/hashicorp/consul-template")
	build.Dir = filepath.Join(repositoryPath, "dev", "consul-template")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	succeed(t, build)

	dir := copyExample(t, "consul-template")
	c.start(t, c.reader(t), dir, binary, "-config=config.hcl")
	c.start(t, "", c.appRole, "vault", "agent", "-config=template.hcl")
	return map[string]string{
		"Vault Agent's file":     filepath.Join(c.appRole, "itwin-token"),
		"consul-template's file": filepath.Join(dir, "itwin-token"),
	}
}

// follower looks at what a consumer has at the moment, and returns how many tokens it has seen there.
type follower func(t *testing.T) (tokens int)

type followers map[string]follower

// await looks at all of them until each has seen so many tokens, and ready returns nil.
func (all followers) await(t *testing.T, limit time.Duration, tokens int, ready func() error) {
	t.Helper()
	vaulttest.Wait(t, limit, fmt.Sprintf("%d tokens", tokens), func() error {
		err := ready()
		for name, look := range all {
			if seen := look(t); seen < tokens {
				err = fmt.Errorf("%s has had %d: %w", name, seen, errNotYet)
			}
		}
		return err
	})
}

// history are the ids of the tokens that a consumer had.
type history []string

// add requires a consumer to have a valid token, and never one that it had before another.
func (h *history) add(t *testing.T, held emulator.Issued) {
	t.Helper()
	require.True(t, held.Expiry.After(time.Now()), "a consumer holds an expired token")
	if len(*h) == 0 || (*h)[len(*h)-1] != held.SHA256 {
		require.NotContains(t, *h, held.SHA256, "an old token came back")
		*h = append(*h, held.SHA256)
	}
}

func (c *consumers) testRotations(t *testing.T, files map[string]string) {
	t.Helper()
	c.start(t, "", c.appRole, "vault", "agent", "-config=exec.hcl")
	all := followers{
		"Vault Agent's app":                      c.followApp,
		"Vault Proxy's answer":                   c.followProxy(t),
		"the Vault Secrets Operator's next sync": c.followOperator(t),
	}
	for name, path := range files {
		all[name] = c.followFile(path)
	}
	all.await(t, rotationsLimit, 3, func() error { return nil })
	require.FileExists(t, filepath.Join(filepath.Dir(files["consul-template's file"]), "app-told"))
}

// followFile requires that only its owner can read a rendered file.
func (c *consumers) followFile(path string) follower {
	var seen history
	return func(t *testing.T) int {
		t.Helper()
		if info, err := os.Stat(path); err == nil {
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			seen.add(t, c.rendered(t, path))
		}
		return len(seen)
	}
}

func (c *consumers) rendered(t *testing.T, path string) emulator.Issued {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return c.issued(t, string(text))
}

// followApp requires that the app is restarted only with a new token.
func (c *consumers) followApp(t *testing.T) int {
	t.Helper()
	text, _ := os.ReadFile(filepath.Join(c.appRole, "token-ids")) // isn't there at first
	ids := strings.Fields(string(text))
	for i, id := range ids {
		c.issuedByID(t, id)
		require.NotContains(t, ids[:i], id, "the app was restarted with the same token")
	}
	return len(ids)
}

// followProxy reads through the example's proxy, which adds a Vault token of its own.
func (c *consumers) followProxy(t *testing.T) follower {
	t.Helper()
	client, addr := c.server.Client(t, ""), c.startProxy(t)
	require.NoError(t, client.SetAddress(addr))
	vaulttest.Wait(t, 20*time.Second, "the proxy to log in", func() error {
		_, err := readToken(t.Context(), client, viewerPath)
		return err
	})
	resp, err := http.Get(addr + "/v1/" + viewerPath)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusPreconditionFailed, resp.StatusCode, "a request without X-Vault-Request was served")
	if python, err := exec.LookPath("python3"); err == nil {
		app := c.command(t, "", copyExample(t, "python"), python, "whoami.py")
		app.Env = append(app.Env, "VAULT_ADDR="+addr)
		require.Equal(t, appEmail, succeed(t, app), "an app without a Vault token")
	}

	var seen history
	return func(t *testing.T) int {
		t.Helper()
		got, err := readToken(t.Context(), client, viewerPath)
		require.NoError(t, err)
		seen.add(t, c.issuedByID(t, got.ID))
		return len(seen)
	}
}

// startProxy starts it on a free port, as tests may run side by side, and returns its address.
func (c *consumers) startProxy(t *testing.T) (addr string) {
	t.Helper()
	const documented = `"127.0.0.1:8100"`
	free, config := vaulttest.FreeAddress(t), readExample(t, "vault-proxy", "proxy.hcl")
	require.Contains(t, config, documented)
	config = strings.ReplaceAll(config, documented, `"`+free+`"`)
	require.NoError(t, os.WriteFile(filepath.Join(c.appRole, "proxy.hcl"), []byte(config), 0o600))
	c.start(t, "", c.appRole, "vault", "proxy", "-config=proxy.hcl")
	return "http://" + free
}

// followOperator reads when the Vault Secrets Operator does, half a second or a little more after the ttl. It requires a
// new token each time, with a later last_vault_rotation.
func (c *consumers) followOperator(t *testing.T) follower {
	t.Helper()
	var held token
	var due time.Time
	reads, vaultToken := 0, c.reader(t)
	return func(t *testing.T) int {
		t.Helper()
		if time.Now().After(due) {
			got := c.read(t, vaultToken)
			require.Greater(t, got.TTL, int64(2), "with an unchanged last_vault_rotation, 2 or less makes the operator loop")
			reads++
			if reads > 1 {
				require.Greater(t, got.Rotated, held.Rotated, "the sync came too early")
				require.Positive(t, held.left(time.Now()), "the sync came too late")
			}
			held, due = got, time.Now().Add(time.Duration(got.TTL)*time.Second+650*time.Millisecond)
		}
		return reads
	}
}

// testOutage keeps IMS down for longer than the last token lives. The files keep it, and have a new one soon after.
func (c *consumers) testOutage(t *testing.T, files map[string]string) {
	t.Helper()
	require.NoError(t, c.ims.Down())
	issued := c.ims.Issued()
	last := issued[len(issued)-1]
	time.Sleep(time.Until(last.Expiry) + 8*time.Second) // in which reads fail
	for name, path := range files {
		require.Equal(t, last, c.rendered(t, path), name)
	}
	require.NoError(t, c.ims.Up())
	for name, path := range files {
		vaulttest.Wait(t, 90*time.Second, name+" to hold a valid token again", func() error {
			if !c.rendered(t, path).Expiry.After(time.Now()) {
				return errNotYet
			}
			return nil
		})
	}
}
