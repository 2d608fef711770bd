package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// newHidingStory has kim read the viewer's token, of which the tests hide further reads.
func newHidingStory(t *testing.T) *auditStory {
	t.Helper()
	s := &auditStory{env: newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})}
	s.log = s.server.Audit(t)
	s.tune()
	s.configure(nil)
	s.mustWrite(mount+"/role/viewer", fields{"scopes": "itwins:read"})
	s.person, s.robot = s.login(), s.approle("ci-build")
	s.first = s.readAs(s.person, mount+"/token/viewer")
	return s
}

// into is the client with all that it asks for put into wrappings.
func (s *auditStory) into(client *api.Client) *api.Client {
	wrapping := s.server.Client(s.t, client.Token())
	wrapping.SetWrappingLookupFunc(func(string, string) string { return "60s" })
	return wrapping
}

// wrapped is a wrapping's token, after the robot has read the viewer's.
func (s *auditStory) wrapped() string {
	s.t.Helper()
	secret, err := s.into(s.robot).Logical().Read(mount + "/token/viewer")
	require.NoError(s.t, err)
	return secret.WrapInfo.Token
}

// rewrapped is the token of another wrapping, after a request of somebody's for the path.
func (s *auditStory) rewrapped(client *api.Client, path, wrapping string) string {
	s.t.Helper()
	secret, err := client.Logical().Write(path, map[string]any{"token": wrapping})
	require.NoError(s.t, err)
	return secret.WrapInfo.Token
}

// requireUnwraps takes the viewer's token out, by a wrapping's own token or in a request of somebody's.
func (s *auditStory) requireUnwraps(client *api.Client, wrapping string) {
	s.t.Helper()
	secret, err := client.Logical().Unwrap(wrapping)
	require.NoError(s.t, err)
	require.Contains(s.t, fmt.Sprint(secret.Data), s.first.AccessToken)
}

// short is the other form of a token of Vault's, which is in it.
func short(t *testing.T, token string) string {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "hvs."))
	require.NoError(t, err)
	form := regexp.MustCompile(`hvs\.[0-9A-Za-z]{24}`).Find(decoded)
	require.NotEmpty(t, form)
	return string(form)
}

// TestAuditNamesWhoOpensAWrappingInAWayThatShowsNoToken takes all ways there are.
func TestAuditNamesWhoOpensAWrappingInAWayThatShowsNoToken(t *testing.T) {
	t.Parallel()
	const holder, kim = "(holder of the wrapping)", "userpass-kim"
	for name, c := range map[string]struct {
		open   func(s *auditStory, wrapping string)
		want   []string
		closed bool // as far as the log shows: nothing in it names the wrapping again
	}{
		"in its cubbyhole": {func(s *auditStory, w string) {
			secret, err := s.server.Client(s.t, w).Logical().Read("cubbyhole/response")
			require.NoError(s.t, err)
			require.Contains(s.t, secret.Data["response"], s.first.AccessToken)
		}, []string{holder + " unwrapped viewer x1"}, false},
		"in its cubbyhole, by the token's short form": {func(s *auditStory, w string) {
			_, err := s.server.Client(s.t, short(s.t, w)).Logical().Read("cubbyhole/response")
			require.NoError(s.t, err)
		}, []string{holder + " unwrapped viewer x1"}, false},
		"unwrapped into another": {func(s *auditStory, w string) {
			s.requireUnwraps(s.person, s.rewrapped(s.into(s.person), "sys/wrapping/unwrap", w))
		}, []string{kim + " rewrapped viewer x1", kim + " unwrapped viewer x1"}, false},
		"unwrapped into another, by the token's short form": {func(s *auditStory, w string) {
			s.requireUnwraps(s.person, s.rewrapped(s.into(s.person), "sys/wrapping/unwrap", short(s.t, w)))
		}, []string{kim + " rewrapped (unknown) x1", kim + " unwrapped (unknown) x1"}, true},
		"rewrapped, and unwrapped into another": {func(s *auditStory, w string) {
			w = s.rewrapped(s.root, "sys/wrapping/rewrap", w)
			s.requireUnwraps(s.person, s.rewrapped(s.into(s.person), "sys/wrapping/unwrap", w))
		}, []string{"root rewrapped viewer x1", kim + " rewrapped viewer x1", kim + " unwrapped viewer x1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHidingStory(t)
			cli := buildAuditCLI(t, s)
			c.open(s, s.wrapped())
			readers := cli.ask(0, "", "readers", "--token-id", s.first.ID, s.log)
			require.Equal(t, []string{kim + " read viewer x1"}, readers.told("readers"))
			require.Equal(t, c.want, readers.told("maybe"))
			require.Equal(t, c.closed, strings.Contains(fmt.Sprint(readers.Notes), "nobody open"))
			require.Equal(t, append([]string{"approle ci-build wrapped viewer x1"}, c.want...), cli.ask(0, "", "summary", s.log).told("wrapped"))
		})
	}
}

func TestAuditNamesWhoUnwrapsWhatWasRewrapped(t *testing.T) {
	t.Parallel()
	s := newHidingStory(t)
	cli := buildAuditCLI(t, s)
	s.requireUnwraps(s.person, s.rewrapped(s.root, "sys/wrapping/rewrap", s.wrapped()))
	readers := cli.ask(0, "", "readers", "--token-id", s.first.ID, s.log)
	require.Equal(t, []string{"userpass-kim read viewer x1", "userpass-kim unwrapped viewer x1"}, readers.told("readers"))
	require.Equal(t, []string{"approle ci-build wrapped viewer x1"}, readers.told("origin"))
}

// TestAuditNamesWhoPadsARequest has the robot send names that JSON writes six times as long, twice in a line of the log.
func TestAuditNamesWhoPadsARequest(t *testing.T) {
	t.Parallel()
	s := newHidingStory(t)
	cli := buildAuditCLI(t, s)
	require.NoError(t, s.root.Sys().PutPolicy("itwin-robot", `path "itwin/token/viewer" { capabilities = ["update"] }`))
	names := make([]string, 6)
	for i := range names {
		names[i] = fmt.Sprintf(`"%s%d":"x"`, strings.Repeat("<", 1<<20-1), i)
	}
	secret, err := s.robot.Logical().WriteBytes(mount+"/token/viewer", []byte("{"+strings.Join(names, ",")+"}"))
	require.NoError(t, err)
	require.Equal(t, s.first.AccessToken, secret.Data["access_token"])
	info, err := os.Stat(s.log)
	require.NoError(t, err)
	require.Greater(t, info.Size(), int64(100<<20), "of request and response")
	readers := cli.ask(0, "", "readers", "--token-id", s.first.ID, s.log)
	require.Equal(t, []string{"userpass-kim read viewer x1", "approle ci-build read viewer x1"}, readers.told("readers"))
}
