package e2e

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// auditStory is a Vault that records a day, so that a test can ask its log.
type auditStory struct {
	*env

	log    string
	person *api.Client // userpass "kim"
	robot  *api.Client // approle "ci-build"
}

func newAuditStory(t *testing.T) *auditStory {
	t.Helper()
	s := &auditStory{env: newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})}
	s.log = s.server.Audit(t)
	s.person, s.robot = s.login(), s.approle("ci-build")
	return s
}

// login enables userpass with one user, kim, who may read all roles, and logs in.
func (e *env) login() *api.Client {
	e.t.Helper()
	require.NoError(e.t, e.root.Sys().PutPolicy("itwin-person", `path "+/token/*" { capabilities = ["read", "update"] }`))
	require.NoError(e.t, e.root.Sys().EnableAuthWithOptions("userpass", &api.EnableAuthOptions{Type: "userpass"}))
	e.mustWrite("auth/userpass/users/kim", fields{"password": "canary-password", "token_policies": "itwin-person"})
	auth := e.mustWrite("auth/userpass/login/kim", fields{"password": "canary-password"}).Auth
	return e.server.Client(e.t, auth.ClientToken)
}

// approle enables approle with one role that may read the viewer's token alone, and logs it in.
func (e *env) approle(name string) *api.Client {
	e.t.Helper()
	require.NoError(e.t, e.root.Sys().PutPolicy("itwin-robot", `path "+/token/viewer" { capabilities = ["read"] }`))
	require.NoError(e.t, e.root.Sys().EnableAuthWithOptions("approle", &api.EnableAuthOptions{Type: "approle"}))
	path := "auth/approle/role/" + name
	e.mustWrite(path, fields{"token_policies": "itwin-robot"})
	login := fields{
		"role_id": e.mustRead(path + "/role-id").Data["role_id"], "secret_id": e.mustWrite(path+"/secret-id", nil).Data["secret_id"],
	}
	return e.server.Client(e.t, e.mustWrite("auth/approle/login", login).Auth.ClientToken)
}

// prepare mounts the plugin once more, with two roles, and token_id in clear in the log.
func (s *auditStory) prepare() string {
	s.t.Helper()
	path := mountAnother(s.t, s.env)
	s.mustWrite("sys/mounts/"+path+"/tune", fields{"audit_non_hmac_response_keys": []string{"token_id"}})
	s.mustWrite(path+"/config", app(s.ims, nil))
	s.mustWrite(path+"/role/viewer", fields{"scopes": "itwins:read"})
	s.mustWrite(path+"/role/editor", fields{"scopes": "imodels:modify"})
	return path
}

func (e *env) readAs(client *api.Client, path string) token {
	e.t.Helper()
	got, err := readToken(e.t.Context(), client, path)
	require.NoError(e.t, err)
	return got
}

// into is the same client, but with every response wrapped.
func (s *auditStory) into(client *api.Client) *api.Client {
	wrapping := s.server.Client(s.t, client.Token())
	wrapping.SetWrappingLookupFunc(func(string, string) string { return "60s" })
	return wrapping
}

// play has the viewer's token read before and after a rotation, plainly and wrapped, and then what is refused: by policy,
// for lack of a role, and for a Vault token that doesn't exist. At last config and roles change.
func (s *auditStory) play(path string) (first, second token, began time.Time) {
	s.t.Helper()
	began = time.Now()
	first = s.readAs(s.person, path+"/token/viewer")
	s.readAs(s.person, path+"/token/editor")
	s.mustWrite(path+"/rotate/viewer", nil)
	second = s.readAs(s.robot, path+"/token/viewer")
	wrapped, err := s.into(s.robot).Logical().Read(path + "/token/viewer")
	require.NoError(s.t, err)
	_, err = s.root.Logical().Unwrap(wrapped.WrapInfo.Token)
	require.NoError(s.t, err)

	_, err = s.robot.Logical().Read(path + "/token/editor")
	require.Error(s.t, err)
	_, err = s.server.Client(s.t, "").Logical().Read(path + "/token")
	require.Error(s.t, err)
	_, err = s.server.Client(s.t, "hvs.nobody").Logical().Read(path + "/token")
	require.Error(s.t, err)
	_, err = s.root.Logical().Read(path + "/token/missing")
	require.Error(s.t, err)
	s.mustWrite(path+"/config", fields{"request_timeout": "5s"})
	s.mustDelete(path + "/role/editor")
	return first, second, began
}

// opening is a way to open a wrapping, and the readers of its token that the log then shows.
type opening struct {
	open           func(wrapping string) string
	readers, maybe []string
}

func (s *auditStory) openings() []opening {
	s.t.Helper()
	const kim = "userpass-kim"
	rewrap := func(client *api.Client, path, wrapping string) string {
		secret, err := client.Logical().Write(path, map[string]any{"token": wrapping})
		require.NoError(s.t, err)
		return secret.WrapInfo.Token
	}
	unwrap := func(wrapping string) string {
		secret, err := s.person.Logical().Unwrap(wrapping)
		require.NoError(s.t, err)
		return fmt.Sprint(secret.Data)
	}
	inCubbyhole := func(wrapping string) string {
		secret, err := s.server.Client(s.t, short(s.t, wrapping)).Logical().Read("cubbyhole/response")
		require.NoError(s.t, err)
		return fmt.Sprint(secret.Data)
	}
	rewrapped := func(wrapping string) string { return rewrap(s.root, "sys/wrapping/rewrap", wrapping) }
	intoAnother := func(wrapping string) string { return rewrap(s.into(s.person), "sys/wrapping/unwrap", wrapping) }
	return []opening{
		{open: inCubbyhole, maybe: []string{"(holder of the wrapping) unwrapped viewer x1"}},
		{
			open:    func(wrapping string) string { return unwrap(rewrapped(wrapping)) },
			readers: []string{kim + " unwrapped viewer x1"}, maybe: []string{"root rewrapped viewer x1"},
		},
		{
			open:  func(wrapping string) string { return unwrap(intoAnother(rewrapped(wrapping))) },
			maybe: []string{"root rewrapped viewer x1", kim + " rewrapped viewer x1", kim + " unwrapped viewer x1"},
		},
		{
			open:  func(wrapping string) string { return unwrap(intoAnother(short(s.t, wrapping))) },
			maybe: []string{kim + " rewrapped (unknown) x1", kim + " unwrapped (unknown) x1"},
		},
	}
}

// short is the short form of a Vault token, which the long form contains.
func short(t *testing.T, token string) string {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "hvs."))
	require.NoError(t, err)
	form := regexp.MustCompile(`hvs\.[0-9A-Za-z]{24}`).Find(decoded)
	require.NotEmpty(t, form)
	return string(form)
}
