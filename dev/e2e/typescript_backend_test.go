package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// call is what the sample backend prints of each call of the Platform.
type call struct {
	Waited  int    `json:"waited"` // for the token, in milliseconds
	TokenID string `json:"tokenID"`
	Error   string `json:"error"`
}

// backend is a sample backend that runs until the test ends.
type backend struct{ name, logPath string }

func (ts typeScript) startBackend(t *testing.T, name, auth string) backend {
	t.Helper()
	return backend{name, ts.start(t, "", ts.appRole, "node", filepath.Join(ts.project, "dist", "backend.js"), auth)}
}

// output is what the backend has printed: its calls, and lines that report no call, such as warnings.
func (b backend) output(t *testing.T) (calls []call, others []string) {
	t.Helper()
	text, err := os.ReadFile(b.logPath)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var c call
		if json.Unmarshal([]byte(line), &c) == nil {
			calls = append(calls, c)
		} else {
			others = append(others, line)
		}
	}
	return calls, others
}

// tokens are the ids of those that calls succeeded with, in the order of their first use.
func (b backend) tokens(t *testing.T) (ids []string) {
	t.Helper()
	calls, _ := b.output(t)
	for _, c := range calls {
		if c.Error == "" && !slices.Contains(ids, c.TokenID) {
			ids = append(ids, c.TokenID)
		}
	}
	return ids
}

// awaitNewToken waits until each backend has used a token that it hadn't when the wait began.
func awaitNewToken(t *testing.T, backends ...backend) {
	t.Helper()
	used := make(map[string]int)
	for _, b := range backends {
		used[b.name] = len(b.tokens(t))
	}
	for _, b := range backends {
		vaulttest.Wait(t, 90*time.Second, b.name+" to use a new token", func() error {
			if len(b.tokens(t)) == used[b.name] {
				return errNotYet
			}
			return nil
		})
	}
}

// awaitWarning waits until each backend's client has logged a warning that begins so.
func awaitWarning(t *testing.T, prefix string, backends ...backend) {
	t.Helper()
	for _, b := range backends {
		vaulttest.Wait(t, time.Minute, b.name+" to warn: "+prefix, func() error {
			_, others := b.output(t)
			if !slices.ContainsFunc(others, func(line string) bool { return strings.HasPrefix(line, prefix) }) {
				return errNotYet
			}
			return nil
		})
	}
}

// requireNoFailure also requires that no call waited for longer than the client's grace, but for the first ones.
func (b backend) requireNoFailure(t *testing.T) {
	t.Helper()
	calls, _ := b.output(t)
	require.Greater(t, len(calls), 100, b.name)
	for i, c := range calls {
		require.Emptyf(t, c.Error, "%s: call %d of %d", b.name, i, len(calls))
		if i > 10 {
			require.Lessf(t, c.Waited, 2000, "%s: call %d waited for its token", b.name, i)
		}
	}
}

// testTakingOver runs backends with an AppRole and with a Vault Agent through rotations, an IMS outage and a restart of
// Vault: no call of the Platform fails.
func (ts typeScript) testTakingOver(t *testing.T) {
	t.Parallel()
	ts.ims.SetLifetime(20 * time.Second) // a new token every 10 s
	ts.mustWrite("itwin/rotate/viewer", nil)
	ts.startAgentWithSink(t)
	// The other backend's logins are renewed and replaced while it runs, and end while Vault is away.
	ts.mustWrite("auth/approle/role/app", fields{"token_ttl": "10s", "token_max_ttl": "30s"})
	backends := []backend{ts.startBackend(t, "AppRole", "approle"), ts.startBackend(t, "Vault Agent", "agent")}
	awaitNewToken(t, backends...)
	awaitNewToken(t, backends...)

	ts.ims.Fault(emulator.Fault{DropConnection: true})
	awaitWarning(t, viewerPath+": ", backends...) // Vault's own: the previous token, as IMS fails
	ts.ims.SetLifetime(40 * time.Second)          // leaves a slow Vault 20 s to start again
	ts.ims.Heal()
	awaitNewToken(t, backends...)

	ts.server.Stop()
	awaitWarning(t, "using the previous access token", backends...)
	ts.server.Start(t)
	awaitNewToken(t, backends...)
	for _, b := range backends {
		b.requireNoFailure(t)
		require.Greater(t, len(b.tokens(t)), 3, "three rotations")
	}
}

// startAgentWithSink has a Vault Agent with the example's login keep the file vault-token up to date.
func (ts typeScript) startAgentWithSink(t *testing.T) {
	t.Helper()
	const login = "auto_auth {\n"
	config := readExample(t, "vault-agent", "template.hcl")
	require.Contains(t, config, login)
	config = strings.Replace(config, login, login+`sink "file" { config = { path = "vault-token" } }`+"\n", 1)
	require.NoError(t, os.WriteFile(filepath.Join(ts.appRole, "sink.hcl"), []byte(config), 0o600))
	ts.start(t, "", ts.appRole, "vault", "agent", "-config=sink.hcl")
	vaulttest.Wait(t, 20*time.Second, "the agent's first login", func() error {
		_, err := os.Stat(filepath.Join(ts.appRole, "vault-token"))
		return err
	})
}
