package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

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

// consumers is a Vault with the role that the examples read from, their policies, and an AppRole to log in by.
type consumers struct {
	*env

	vault   string // path of the program that the server runs
	audit   string // path of the audit log
	appRole string // a folder with the files role-id and secret-id
}

func newConsumers(t *testing.T, opts vaulttest.Options) *consumers {
	t.Helper()
	c := &consumers{env: newEnv(t, opts), vault: vaulttest.Binary(t), appRole: copyExample(t, "vault-agent")}
	c.audit = c.server.Audit(t)
	c.configure(nil)
	c.mustWrite("itwin/role/viewer", fields{"scopes": "itwin-platform"})
	c.run(t, c.root.Token(), copyExample(t, "policies"), "./write.sh")
	c.run(t, c.root.Token(), c.appRole, "./setup.sh")
	return c
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

// read reads the role's token with a Vault token.
func (c *consumers) read(t *testing.T, vaultToken string) token {
	t.Helper()
	got, err := readToken(t.Context(), c.server.Client(t, vaultToken), viewerPath)
	require.NoError(t, err)
	return got
}

// command is a program as a consumer runs it: in a folder, with nothing in its environment but where Vault is and who
// asks.
func (c *consumers) command(t *testing.T, vaultToken, dir, name string, args ...string) *exec.Cmd {
	t.Helper()
	if name == "vault" {
		name = c.vault // which the PATH of the test itself may lack
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + filepath.Dir(c.vault) + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"VAULT_ADDR=" + c.server.Addr, "VAULT_TOKEN=" + vaultToken,
		"ITWIN_API_URL=" + c.ims.URL(), "ITWIN_ID=" + iTwinID,
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

// start runs a program, and what it starts itself, until the test ends. It prints into the file that is returned.
func (c *consumers) start(t *testing.T, vaultToken, dir, name string, args ...string) (logPath string) {
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
			t.Logf("the end of what %v printed: %s", cmd.Args, text[max(0, len(text)-8000):])
		}
	})
	return log.Name()
}

// issued is a token as IMS remembers it, found by its text.
func (c *consumers) issued(t *testing.T, accessToken string) emulator.Issued {
	t.Helper()
	sum := sha256.Sum256([]byte(accessToken))
	return c.issuedByID(t, hex.EncodeToString(sum[:]))
}

func (c *consumers) issuedByID(t *testing.T, id string) emulator.Issued {
	t.Helper()
	issued := c.ims.Issued()
	i := slices.IndexFunc(issued, func(token emulator.Issued) bool { return token.SHA256 == id })
	require.GreaterOrEqual(t, i, 0, "that is not a token that IMS issued")
	return issued[i]
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

// copyExample copies an example into a folder of the test's own.
func copyExample(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(examplePath(name))))
	return dir
}
