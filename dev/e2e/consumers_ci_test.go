package e2e

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// setUpJWT runs an example's setup.sh, with the emulator as the CI server that issues JWTs.
func (c *consumers) setUpJWT(t *testing.T, example, issuerVariable string) (dir string) {
	t.Helper()
	dir = copyExample(t, example)
	setup := c.command(t, c.root.Token(), dir, "./setup.sh")
	setup.Env = append(setup.Env, issuerVariable+"="+c.ims.URL())
	succeed(t, setup)
	return dir
}

// jwt is what a CI server gives to a job.
func (c *consumers) jwt(t *testing.T, claims map[string]any) string {
	t.Helper()
	now := time.Now()
	all := map[string]any{"iss": c.ims.URL(), "sub": "job", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	maps.Copy(all, claims)
	text, err := c.ims.Sign(all)
	require.NoError(t, err)
	return text
}

// logIn logs in as a CI job does, to the role "itwin".
func (c *consumers) logIn(t *testing.T, method string, claims map[string]any) (*api.Secret, error) {
	t.Helper()
	body := fields{"role": "itwin", "jwt": c.jwt(t, claims)}
	return c.server.Client(t, "").Logical().Write("auth/"+method+"/login", body)
}

// requireBound requires each of these claims to be refused with another value.
func (c *consumers) requireBound(t *testing.T, method string, claims map[string]any, others map[string]string) {
	t.Helper()
	for claim, value := range others {
		changed := maps.Clone(claims)
		changed[claim] = value
		_, err := c.logIn(t, method, changed)
		requireStatus(t, err, http.StatusBadRequest, claim)
	}
}

// testGitHubActions does what vault-action is asked to do in the workflow.
func (c *consumers) testGitHubActions(t *testing.T) {
	c.setUpJWT(t, "github-actions", "GITHUB_ISSUER")
	job := yamlDocuments(t, "github-actions", "workflow.yaml")[0].at(t, "jobs", "sync")
	require.Equal(t, "write", job.at(t, "permissions", "id-token").text(t))
	with := job.at(t, "steps", 0, "with")
	method, role, audience := with.at(t, "path").text(t), with.at(t, "role").text(t), with.at(t, "jwtGithubAudience").text(t)
	require.Equal(t, []string{"jwt", "itwin"}, []string{with.at(t, "method").text(t), role})

	claims := map[string]any{"aud": audience, "repository": "example/models", "ref": "refs/heads/main"}
	login, err := c.logIn(t, method, claims)
	require.NoError(t, err)
	c.requireBound(t, method, claims, map[string]string{
		"repository": "example/fork", "ref": "refs/heads/feature", "aud": "https://elsewhere.example.com",
	})

	// vault-action reads "path key | VARIABLE".
	request, variable, _ := strings.Cut(strings.TrimSpace(with.at(t, "secrets").text(t)), " | ")
	require.Equal(t, "ITWIN_TOKEN", variable)
	path, key, _ := strings.Cut(request, " ")
	c.requireField(t, login.Auth.ClientToken, path, key)
}

func (c *consumers) testGitLabCI(t *testing.T) {
	dir := c.setUpJWT(t, "gitlab-ci", "GITLAB_URL")
	job := yamlDocuments(t, "gitlab-ci", "gitlab-ci.yaml")[0].at(t, "sync")
	audience := job.at(t, "id_tokens", "VAULT_ID_TOKEN", "aud").text(t)
	claims := map[string]any{"aud": audience, "project_path": "example/models", "ref_protected": "true"}
	c.requireBound(t, "gitlab", claims, map[string]string{"project_path": "example/fork", "ref_protected": "false"})

	// The job's own lines, with a sync.sh that prints the token it is given.
	sync := filepath.Join(dir, "sync.sh")
	require.NoError(t, os.WriteFile(sync, []byte("#!/bin/sh\nprintf %s \"$ITWIN_TOKEN\"\n"), 0o700))
	script := c.command(t, "", dir, "bash", "-ec", strings.Join(job.at(t, "script").texts(t), "\n"))
	script.Env = append(script.Env, "VAULT_ID_TOKEN="+c.jwt(t, claims))
	c.issued(t, succeed(t, script))
}
