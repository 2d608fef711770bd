package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// call is what the sample backend prints of each call of the Platform.
type call struct {
	Began   time.Time `json:"began"`
	Waited  int       `json:"waited"` // for the token, in milliseconds
	TokenID string    `json:"tokenID"`
	Error   string    `json:"error"`
}

// backend is a sample backend that runs until the test ends.
type backend struct {
	name string

	mu     sync.Mutex
	calls  []call
	others []string // lines that report no call, such as warnings
}

// newProgram is one of testdata/typescript, or of the example, in a compiled project.
func newProgram(t *testing.T, dir, name string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("dist", name+".js"))
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "ITWIN_ID=" + iTwinID}, env...)
	return cmd
}

func startBackend(t *testing.T, name, dir string, env ...string) *backend {
	t.Helper()
	b := &backend{name: name}
	cmd := newProgram(t, dir, "backend", env...)
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	require.NoError(t, cmd.Start())
	var reading sync.WaitGroup
	reading.Go(func() { b.record(reader) })
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // reports that it was killed
		_ = writer.Close()
		reading.Wait()
		t.Logf("%s: %d calls with %d tokens; it also said:\n%s", name, len(b.calls), len(b.tokens()), strings.Join(b.others, "\n"))
	})
	return b
}

func (b *backend) record(output io.Reader) {
	for lines := bufio.NewScanner(output); lines.Scan(); {
		var c call
		err := json.Unmarshal(lines.Bytes(), &c)
		b.mu.Lock()
		if err == nil {
			b.calls = append(b.calls, c)
		} else {
			b.others = append(b.others, lines.Text())
		}
		b.mu.Unlock()
	}
}

// tokens are the ids of those that calls succeeded with, in the order of their first use.
func (b *backend) tokens() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if c.Error == "" && !slices.Contains(ids, c.TokenID) {
			ids = append(ids, c.TokenID)
		}
	}
	return ids
}

// awaitTokens waits until calls succeeded with so many tokens in all.
func (b *backend) awaitTokens(t *testing.T, want int) {
	t.Helper()
	vaulttest.Wait(t, 90*time.Second, fmt.Sprintf("%s to use %d tokens", b.name, want), func() error {
		if got := len(b.tokens()); got < want {
			return fmt.Errorf("%w: it has used %d", errAwaited, got)
		}
		return nil
	})
}

// awaitWarning waits until the backend's client has logged a warning that begins so.
func (b *backend) awaitWarning(t *testing.T, prefix string) {
	t.Helper()
	vaulttest.Wait(t, time.Minute, b.name+" to warn: "+prefix, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !slices.ContainsFunc(b.others, func(line string) bool { return strings.HasPrefix(line, prefix) }) {
			return errAwaited
		}
		return nil
	})
}

// requireNoFailure also holds that no call waited for longer than the client's grace, but for the first ones.
func (b *backend) requireNoFailure(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Greater(t, len(b.calls), 100, b.name)
	for i, c := range b.calls {
		require.Emptyf(t, c.Error, "%s: call %d of %d: %+v", b.name, i, len(b.calls), c)
		if i > 10 {
			require.Lessf(t, c.Waited, 2000, "%s: call %d waited for its token", b.name, i)
		}
	}
}

// testTakingOver runs a backend as it was and then with tokens from Vault, through
// rotations, an IMS outage, a restart of Vault and the loss of its login: no call of the Platform fails.
func (ts typeScript) testTakingOver(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{})
	joinITwin(e.ims)
	t.Run("the backend as it was", func(t *testing.T) {
		dir := withAuthorization(t, ts.project, "authorization-before")
		old := startBackend(t, "the old client", dir, append(oldClient(t, e), "ITWIN_API_URL="+e.ims.URL())...)
		old.awaitTokens(t, 1)
	})

	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwin-platform"})
	e.ims.SetLifetime(time.Minute) // a new token after 22 to 31 s
	e.mustWrite("itwin/rotate/viewer", nil)
	backends := ts.startBackends(t, e)
	backends.awaitNewToken(t)
	backends.awaitNewToken(t)

	e.ims.Fault(emulator.Fault{DropConnection: true})
	backends.awaitWarnings(t, viewerPath+": ") // Vault's own: the previous token, as IMS fails
	e.ims.Heal()
	backends.awaitNewToken(t)

	e.server.Stop()
	backends.awaitWarnings(t, "using the previous access token")
	e.server.Start(t)
	backends.awaitNewToken(t)

	e.revokeLogins(t, "backend")
	backends.awaitNewToken(t)
	backends.requireNoFailure(t)
}

// backends are those that run beside each other, with Vault tokens from different sources.
type backends []*backend

func (ts typeScript) startBackends(t *testing.T, e *env) backends {
	t.Helper()
	credentials := e.writeAppRole(t)
	byAppRole := copyCredentials(t, credentials, "backend", withAuthorization(t, ts.project, "authorization-approle"))
	byAgent := copyCredentials(t, credentials, "agent", withAuthorization(t, ts.project, "authorization-agent"))
	env := []string{"VAULT_ADDR=" + e.server.Addr, "ITWIN_API_URL=" + e.ims.URL()}
	return backends{
		startBackend(t, "AppRole", byAppRole, env...),
		startBackend(t, "Vault Agent", e.withAgent(t, byAgent), env...),
	}
}

// awaitNewToken waits until each has used a token that it hadn't when the wait began.
func (all backends) awaitNewToken(t *testing.T) {
	t.Helper()
	used := make([]int, len(all))
	for i, b := range all {
		used[i] = len(b.tokens())
	}
	for i, b := range all {
		b.awaitTokens(t, used[i]+1)
	}
}

func (all backends) awaitWarnings(t *testing.T, prefix string) {
	t.Helper()
	for _, b := range all {
		b.awaitWarning(t, prefix)
	}
}

func (all backends) requireNoFailure(t *testing.T) {
	t.Helper()
	for _, b := range all {
		b.requireNoFailure(t)
		require.Greater(t, len(b.tokens()), 3, "three rotations")
	}
}

// writeAppRole lets the backends log in for 20 s at a time, and a minute in all, and returns a folder with a role's
// credentials.
func (e *env) writeAppRole(t *testing.T) string {
	t.Helper()
	require.NoError(t, e.root.Sys().PutPolicy("itwin-reader", `path "itwin/token/viewer" { capabilities = ["read"] }`))
	require.NoError(t, e.root.Sys().EnableAuthWithOptions("approle", &api.EnableAuthOptions{Type: "approle"}))
	dir := t.TempDir()
	for _, role := range []string{"backend", "agent"} {
		path := "auth/approle/role/" + role
		e.mustWrite(path, fields{"token_policies": "itwin-reader", "token_ttl": "20s", "token_max_ttl": "1m"})
		id, secret := e.mustRead(path + "/role-id").Data["role_id"], e.mustWrite(path+"/secret-id", nil).Data["secret_id"]
		require.NoError(t, os.WriteFile(filepath.Join(dir, role+"-role-id"), []byte(id.(string)), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, role+"-secret-id"), []byte(secret.(string)), 0o600))
	}
	return dir
}

// copyCredentials puts a role's credentials beside a program.
func copyCredentials(t *testing.T, from, role, to string) string {
	t.Helper()
	for _, name := range []string{"role-id", "secret-id"} {
		require.NoError(t, copyFile(filepath.Join(from, role+"-"+name), filepath.Join(to, name)))
	}
	return to
}

const agentWithSink = `
auto_auth {
  method "approle" {
    config = {
      role_id_file_path                   = "role-id"
      secret_id_file_path                 = "secret-id"
      remove_secret_id_file_after_reading = false
    }
  }
  sink "file" {
    config = { path = "vault-token" }
  }
}
`

// withAgent has a Vault Agent keep the file vault-token in a folder up to date, and returns the folder.
func (e *env) withAgent(t *testing.T, dir string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "agent.hcl"), []byte(agentWithSink), 0o600))
	vault, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", e.server.PID()))
	require.NoError(t, err)
	agent := exec.CommandContext(t.Context(), vault, "agent", "-config=agent.hcl")
	agent.Dir = dir
	agent.Env = []string{"VAULT_ADDR=" + e.server.Addr, "HOME=" + t.TempDir()}
	require.NoError(t, agent.Start())
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait() // reports that it was killed
	})
	vaulttest.Wait(t, 20*time.Second, "the agent's first login", func() error {
		_, err := os.Stat(filepath.Join(dir, "vault-token"))
		return err
	})
	return dir
}

// revokeLogins ends the Vault tokens that an AppRole has given out, as an operator does in an emergency.
func (e *env) revokeLogins(t *testing.T, role string) {
	t.Helper()
	revoked := 0
	for _, accessor := range e.mustList("auth/token/accessors") {
		token, err := e.root.Auth().Token().LookupAccessor(accessor.(string))
		if err != nil {
			continue // it has ended since
		}
		if meta, _ := token.Data["meta"].(map[string]any); meta["role_name"] == role {
			require.NoError(t, e.root.Auth().Token().RevokeAccessor(accessor.(string)))
			revoked++
		}
	}
	require.Positive(t, revoked)
}
