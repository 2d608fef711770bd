package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestAuditCountsAnOutageByCause has readers fail and an administrator rotate while IMS is down, first behind a gateway's
// page and then with a connection that breaks. Each error has times and a correlation id of its own.
func TestAuditCountsAnOutageByCause(t *testing.T) {
	t.Parallel()
	s := &auditStory{env: newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})}
	s.log = s.server.Audit(t)
	s.configure(nil)
	s.mustWrite(mount+"/role/viewer", fields{"scopes": "itwins:read"})
	s.person, s.robot = s.login(), s.approle("ci-build")
	for _, fault := range []emulator.Fault{{Status: http.StatusServiceUnavailable}, {DropConnection: true}} {
		s.ims.Fault(fault)
		for range 4 {
			_, err := s.root.Logical().Write(mount+"/rotate/viewer", nil)
			require.Error(t, err)
			_, err = s.person.Logical().Read(mount + "/token/viewer")
			require.Error(t, err)
			_, err = s.robot.Logical().Read(mount + "/token/viewer")
			require.Error(t, err)
		}
		s.ims.Heal()
	}
	summary := buildAuditCLI(t, s).ask(0, "", "summary", s.log)
	require.Equal(t, []string{"x12", "x12"}, summary.told("failed"))
}
