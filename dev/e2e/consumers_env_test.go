package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	repositoryPath = "../.."
	viewerPath     = "itwin/token/viewer"
	appEmail       = clientID + "@apps.imsoidc.bentley.com"
)

// consumers is a Vault with the role that the examples read from.
type consumers struct {
	*env
	audit   string // path of the audit log
	bin     string // a folder for the PATH, with the vault command of this server
	appRole string // a folder with the credentials of an app that may read its tokens
}

func newConsumers(t *testing.T) *consumers {
	t.Helper()
	c := &consumers{env: newEnv(t, vaulttest.Options{InMemory: true}), bin: t.TempDir()}
	vault, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", c.server.PID()))
	require.NoError(t, err)
	require.NoError(t, os.Symlink(vault, filepath.Join(c.bin, "vault")))
	c.audit = c.server.Audit(t)
	c.configure(nil)
	c.mustWrite("itwin/role/viewer", fields{"scopes": "itwin-platform"})
	return c
}

// shortenTokens lets every token from now on live for so long, the shared one included.
func (c *consumers) shortenTokens(t *testing.T, lifetime time.Duration) {
	t.Helper()
	c.ims.SetLifetime(lifetime)
	_, err := c.root.Logical().Write("itwin/rotate/viewer", nil)
	require.NoError(t, err)
}

// user returns a Vault token with the given policies of the examples.
func (c *consumers) user(t *testing.T, policies ...string) string {
	t.Helper()
	secret, err := c.root.Auth().Token().Create(&api.TokenCreateRequest{Policies: policies, TTL: "1h"})
	require.NoError(t, err)
	return secret.Auth.ClientToken
}

func (c *consumers) reader(t *testing.T) string {
	t.Helper()
	return c.user(t, "itwin-reader")
}

// command is a program as a consumer runs it: in a folder, with nothing in its environment but where Vault is and who
// asks.
func (c *consumers) command(t *testing.T, vaultToken, dir, name string, args ...string) *exec.Cmd {
	t.Helper()
	path := c.bin + string(os.PathListSeparator) + os.Getenv("PATH")
	if name == "vault" {
		// A command's name is looked up in the PATH of the test, not in the command's own.
		name = filepath.Join(c.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + path, "HOME=" + t.TempDir(),
		"VAULT_ADDR=" + c.server.Addr, "VAULT_TOKEN=" + vaultToken, "ITWIN_API_URL=" + c.ims.URL(),
	}
	return cmd
}

// run runs a program that must succeed and returns what it printed.
func (c *consumers) run(t *testing.T, vaultToken, dir, name string, args ...string) string {
	t.Helper()
	return succeed(t, c.command(t, vaultToken, dir, name, args...))
}

func succeed(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	require.NoErrorf(t, err, "running %v: %s%s", cmd.Args, stdout, &stderr)
	return strings.TrimSpace(string(stdout))
}

// start runs a program, and what it starts itself, until the test ends.
func (c *consumers) start(t *testing.T, vaultToken, dir, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	cmd := c.command(t, vaultToken, dir, name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended already
		_ = cmd.Wait()                                      // reports that it was killed
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%v printed: %s", cmd.Args, text)
		}
	})
}

// issued is a token as IMS remembers it, found by its text.
func (c *consumers) issued(t *testing.T, accessToken string) emulator.Issued {
	t.Helper()
	found, ok := c.findIssued(accessToken)
	require.True(t, ok, "that is not a token that IMS issued")
	return found
}

func (c *consumers) findIssued(accessToken string) (emulator.Issued, bool) {
	sum := sha256.Sum256([]byte(accessToken))
	return c.findIssuedByID(hex.EncodeToString(sum[:]))
}

func (c *consumers) findIssuedByID(id string) (emulator.Issued, bool) {
	issued := c.ims.Issued()
	i := slices.IndexFunc(issued, func(token emulator.Issued) bool { return token.SHA256 == id })
	if i < 0 {
		return emulator.Issued{}, false
	}
	return issued[i], true
}

func examplePath(parts ...string) string {
	return filepath.Join(append([]string{repositoryPath, "examples"}, parts...)...)
}

func readExample(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(examplePath(parts...))
	require.NoError(t, err)
	return string(text)
}

// copyExample copies an example into a folder of the test's own, without what its tools have left there.
func copyExample(t *testing.T, name string) string {
	t.Helper()
	source, target := examplePath(name), t.TempDir()
	require.NoError(t, filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{"node_modules", "dist", "__pycache__"}, entry.Name()) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(target, relative), 0o700)
		}
		return copyFile(path, filepath.Join(target, relative))
	}))
	return target
}

func copyFile(source, target string) error {
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	return os.WriteFile(target, text, info.Mode().Perm())
}
