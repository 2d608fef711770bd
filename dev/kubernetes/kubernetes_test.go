package kubernetes

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	rotations = 5
	// interval takes the place of the 15 minutes that fit tokens of an hour.
	interval = "10s"
)

func TestMain(m *testing.M) {
	// The emulator's OIDC library logs each route and each refused request to the default logger.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// TestSecretsHoldAValidTokenThroughRotationsAndAnOutage follows the pages and examples as they are, with addresses and
// intervals replaced.
func TestSecretsHoldAValidTokenThroughRotationsAndAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secrets := []*copies{w.watch(t, "app", "itwin-token"), w.watch(t, "app", "itwin-token-generated")}
	w.endLoginsBeforeTheNextPoll(t)
	w.startExternalSecrets(t)
	for _, file := range []string{"itwin-token.yaml", "generator.yaml"} {
		w.apply(t, example(t, "external-secrets/"+file,
			"https://vault.example.com:8200", w.vault.Addr, "refreshInterval: 15m", "refreshInterval: "+interval)...)
	}
	secrets = append(secrets, w.playSecretsOperator(t))

	w.waitForTokens(t, secrets, 1+rotations)
	w.breakIMS(t)
	w.waitForTokens(t, secrets, 1+rotations+1)
	for _, written := range secrets {
		requireValidThroughout(t, w.ims, written)
	}
	w.requireFewLogins(t)
}

// endLoginsBeforeTheNextPoll replaces one more interval, that of the generator's logins.
func (w *world) endLoginsBeforeTheNextPoll(t *testing.T) {
	t.Helper()
	role, err := w.root.Logical().Read("auth/kubernetes/role/app-generator")
	require.NoError(t, err)
	require.Equal(t, "300", fmt.Sprint(role.Data["token_ttl"]))
	w.write(t, "auth/kubernetes/role/app-generator", map[string]any{"token_ttl": "5s"})
}

// waitForTokens waits until each Secret was written as often as that. A token is renewed at half its life.
func (w *world) waitForTokens(t *testing.T, secrets []*copies, count int) {
	t.Helper()
	vaulttest.Wait(t, startTime+time.Duration(count)*lifetime, "the Secrets to be written", func() error {
		for _, written := range secrets {
			if got := len(written.list()); got < count {
				return fmt.Errorf("%s has had %d tokens of %d", written.name, got, count)
			}
		}
		return nil
	})
}

// breakIMS lets it fail until two more attempts to mint a token were in vain, so that readers had to live on the previous one.
func (w *world) breakIMS(t *testing.T) {
	t.Helper()
	before := w.ims.Exchanges()
	w.ims.Fault(emulator.Fault{Status: http.StatusServiceUnavailable})
	defer w.ims.Heal()
	vaulttest.Wait(t, lifetime, "attempts that fail", func() error {
		if failed := w.ims.Exchanges() - before; failed < 2 {
			return fmt.Errorf("%d so far", failed)
		}
		return nil
	})
}

// requireFewLogins counts what consumers leave behind in Vault: the SecretStore revokes its logins and the operator keeps
// one; the generator's end by themselves. A sync under way may have one more for a moment.
func (w *world) requireFewLogins(t *testing.T) {
	t.Helper()
	for _, role := range []string{"app", "app-generator"} {
		vaulttest.Wait(t, startTime, "few logins to be left", func() error {
			if live := w.logins(t, role); live > 2 {
				return fmt.Errorf("the role %s has %d", role, live)
			}
			return nil
		})
	}
}
