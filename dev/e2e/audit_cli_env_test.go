package e2e

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// auditStory is a day on a Vault that records it: who read what, so that a test can ask the log.
type auditStory struct {
	*env

	log        string
	person     *api.Client // userpass "kim"
	robot      *api.Client // approle "ci-build"
	readsBegan time.Time
	first      token // the viewer's, handed to kim
	second     token // after the rotation, handed to the robot, and in a wrapping to root
}

// recordAuditStory plays the story. The mount is tuned to show token_id in clear if tuned.
func recordAuditStory(t *testing.T, tuned bool) *auditStory {
	t.Helper()
	s := &auditStory{env: newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})}
	s.log = s.server.Audit(t)
	if tuned {
		s.tune()
	}
	s.configure(nil)
	s.mustWrite(mount+"/role/viewer", fields{"scopes": "itwins:read"})
	s.mustWrite(mount+"/role/editor", fields{"scopes": "imodels:modify"})
	s.person, s.robot = s.login(), s.approle("ci-build")
	s.readsBegan = time.Now()
	s.readTokens()
	s.failAndDeny()
	return s
}

func (s *auditStory) tune() {
	s.t.Helper()
	keys := []string{"token_id", "client_id", "scope", "token_type", "expires_at", "last_vault_rotation"}
	s.mustWrite("sys/mounts/"+mount+"/tune", fields{"audit_non_hmac_response_keys": keys})
}

// login enables userpass with one user, kim, who may read both roles, and logs in.
func (s *auditStory) login() *api.Client {
	s.t.Helper()
	require.NoError(s.t, s.root.Sys().PutPolicy("itwin-person", `path "itwin/token/*" { capabilities = ["read", "update"] }`))
	require.NoError(s.t, s.root.Sys().EnableAuthWithOptions("userpass", &api.EnableAuthOptions{Type: "userpass"}))
	s.mustWrite("auth/userpass/users/kim", fields{"password": "canary-password", "token_policies": "itwin-person"})
	auth := s.mustWrite("auth/userpass/login/kim", fields{"password": "canary-password"}).Auth
	return s.server.Client(s.t, auth.ClientToken)
}

// approle enables approle with one role that may read the viewer's token alone, and logs it in.
func (s *auditStory) approle(name string) *api.Client {
	s.t.Helper()
	require.NoError(s.t, s.root.Sys().PutPolicy("itwin-robot", `path "itwin/token/viewer" { capabilities = ["read"] }`))
	require.NoError(s.t, s.root.Sys().EnableAuthWithOptions("approle", &api.EnableAuthOptions{Type: "approle"}))
	path := "auth/approle/role/" + name
	s.mustWrite(path, fields{"token_policies": "itwin-robot"})
	login := fields{
		"role_id": s.mustRead(path + "/role-id").Data["role_id"], "secret_id": s.mustWrite(path+"/secret-id", nil).Data["secret_id"],
	}
	return s.server.Client(s.t, s.mustWrite("auth/approle/login", login).Auth.ClientToken)
}

func (s *auditStory) readAs(client *api.Client, path string) token {
	s.t.Helper()
	got, err := readToken(s.t.Context(), client, path)
	require.NoError(s.t, err)
	return got
}

// readTokens reads the viewer's token before and after a rotation, plainly and wrapped.
func (s *auditStory) readTokens() {
	s.t.Helper()
	s.first = s.readAs(s.person, mount+"/token/viewer")
	s.readAs(s.person, mount+"/token/editor")
	s.mustWrite(mount+"/rotate/viewer", nil)
	s.second = s.readAs(s.robot, mount+"/token/viewer")
	wrapping := s.server.Client(s.t, s.robot.Token())
	wrapping.SetWrappingLookupFunc(func(string, string) string { return "60s" })
	wrapped, err := wrapping.Logical().Read(mount + "/token/viewer")
	require.NoError(s.t, err)
	_, err = s.root.Logical().Unwrap(wrapped.WrapInfo.Token)
	require.NoError(s.t, err)
}

// failAndDeny is refused by policy, by an unknown role and by a Vault token that doesn't exist; then the config changes.
func (s *auditStory) failAndDeny() {
	s.t.Helper()
	_, err := s.robot.Logical().Read(mount + "/token/editor")
	require.Error(s.t, err)
	_, err = s.server.Client(s.t, "").Logical().Read(mount + "/token")
	require.Error(s.t, err)
	_, err = s.server.Client(s.t, "hvs.nobody").Logical().Read(mount + "/token")
	require.Error(s.t, err)
	_, err = s.root.Logical().Read(mount + "/token/missing")
	require.Error(s.t, err)
	s.mustWrite(mount+"/config", fields{"request_timeout": "5s"})
	s.mustDelete(mount + "/role/editor")
}
