package e2e

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const ciAudience = "https://vault.example.com"

// jwt is what a CI server gives to a job; the emulator's keys stand for the server's own.
func (c *consumers) jwt(t *testing.T, claims map[string]any) string {
	t.Helper()
	now := time.Now()
	all := map[string]any{
		"iss": c.ims.URL(), "aud": ciAudience, "sub": "job", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(all, claims)
	text, err := c.ims.Sign(all)
	require.NoError(t, err)
	return text
}

// setUpJWT runs an example's setup.sh for the emulator as the CI server.
func (c *consumers) setUpJWT(t *testing.T, example, issuerVariable string) string {
	t.Helper()
	dir := copyExample(t, example)
	setup := c.command(t, c.root.Token(), dir, "./setup.sh")
	setup.Env = append(setup.Env, issuerVariable+"="+c.ims.URL())
	succeed(t, setup)
	return dir
}

func (c *consumers) testGitHubActions(t *testing.T) {
	c.setUpJWT(t, "github-actions", "GITHUB_ISSUER")
	workflow := yamlDocuments(t, "github-actions", "workflow.yaml")[0]
	job := workflow.at(t, "jobs", "sync")
	require.Equal(t, "write", job.at(t, "permissions", "id-token").text(t))
	step := job.at(t, "steps", 0)
	require.Equal(t, "hashicorp/vault-action@v3", step.at(t, "uses").text(t))
	with := step.at(t, "with")
	require.Equal(t, "jwt", with.at(t, "method").text(t))

	login := "auth/" + with.at(t, "path").text(t) + "/login"
	role := with.at(t, "role").text(t)
	claims := map[string]any{
		"aud": with.at(t, "jwtGithubAudience").text(t), "repository": "example/models", "ref": "refs/heads/main",
	}
	vaultToken := c.mustLogIn(t, login, role, claims)
	c.mustNotLogIn(t, login, role, claims, "repository", "example/fork")
	c.mustNotLogIn(t, login, role, claims, "ref", "refs/heads/feature")
	c.mustNotLogIn(t, login, role, claims, "aud", "https://elsewhere.example.com")

	// vault-action reads "path key | VARIABLE", and takes a key "data" in the answer for a kv engine's second level.
	request, variable, found := strings.Cut(strings.TrimSpace(with.at(t, "secrets").text(t)), " | ")
	require.True(t, found)
	require.Equal(t, "ITWIN_TOKEN", variable)
	path, key, found := strings.Cut(request, " ")
	require.True(t, found)
	a := c.readAnswer(t, vaultToken, path)
	require.NotContains(t, a.Data, "data")
	c.issued(t, a.text(t, key))
}

func (c *consumers) testGitLabCI(t *testing.T) {
	dir := c.setUpJWT(t, "gitlab-ci", "GITLAB_URL")
	job := yamlDocuments(t, "gitlab-ci", "gitlab-ci.yaml")[0].at(t, "sync")
	claims := map[string]any{
		"aud":          job.at(t, "id_tokens", "VAULT_ID_TOKEN", "aud").text(t),
		"project_path": "example/models", "ref_protected": "true",
	}
	c.mustNotLogIn(t, "auth/gitlab/login", "itwin", claims, "project_path", "example/fork")
	c.mustNotLogIn(t, "auth/gitlab/login", "itwin", claims, "ref_protected", "false")

	// The job's own lines, with a sync.sh that notes the token that it is given.
	sync := filepath.Join(dir, "sync.sh")
	require.NoError(t, os.WriteFile(sync, []byte("#!/bin/sh\nprintf %s \"$ITWIN_TOKEN\"\n"), 0o700))
	lines := job.at(t, "script").texts(t)
	script := c.command(t, "", dir, "bash", "-ec", strings.Join(lines, "\n"))
	script.Env = append(script.Env, "VAULT_ID_TOKEN="+c.jwt(t, claims))
	c.issued(t, succeed(t, script))
}

func (c *consumers) mustLogIn(t *testing.T, path, role string, claims map[string]any) string {
	t.Helper()
	secret, err := c.server.Client(t, "").Logical().Write(path, fields{"role": role, "jwt": c.jwt(t, claims)})
	require.NoError(t, err)
	return secret.Auth.ClientToken
}

// mustNotLogIn tries with one claim changed.
func (c *consumers) mustNotLogIn(t *testing.T, path, role string, claims map[string]any, claim, value string) {
	t.Helper()
	changed := maps.Clone(claims)
	changed[claim] = value
	_, err := c.server.Client(t, "").Logical().Write(path, fields{"role": role, "jwt": c.jwt(t, changed)})
	requireStatus(t, err, http.StatusBadRequest, claim)
}

// readAnswer reads a path as plain HTTP clients do.
func (c *consumers) readAnswer(t *testing.T, vaultToken, path string) answer {
	t.Helper()
	resp, err := c.server.Client(t, vaultToken).Logical().ReadRaw(path)
	require.NoErrorf(t, err, "reading %s", path)
	defer func() { _ = resp.Body.Close() }()
	return decodeAnswer(t, resp.Body)
}
