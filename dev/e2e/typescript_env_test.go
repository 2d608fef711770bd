package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// iTwinID is the iTwin that the app of the TypeScript tests is a member of.
const iTwinID = "7a1b5c3d-0000-4000-8000-000000000001"

// typeScript is a Vault, and a project that was installed and compiled.
type typeScript struct {
	*consumers

	packed  string // the client's package
	project string // the folder of the example with the packed client and the sources of testdata
}

func newTypeScript(t *testing.T) typeScript {
	t.Helper()
	programs.Find(t, "npm")
	ts := typeScript{packed: packClient(t), project: copyExample(t, "typescript")}
	npmInstall(t, ts.project, "ci")
	npmInstall(t, ts.project, "install", "--no-save", ts.packed)
	require.NoError(t, os.CopyFS(filepath.Join(ts.project, "src"), os.DirFS("testdata/typescript")))
	npm(t, ts.project, "npm", "run", "--silent", "build")

	ts.consumers = newConsumers(t, vaulttest.Options{})
	ts.ims.SetApp(emulator.App{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"itwin-platform"},
		ITwins: map[string][]string{iTwinID: {"imodels_read"}},
	})
	return ts
}

// packClient packs the TypeScript client as a release does, and returns the package's path.
func packClient(t *testing.T) string {
	t.Helper()
	return npm(t, ".", filepath.Join(repositoryPath, "scripts", "pack-client.sh"), "v0.0.0-test", t.TempDir())
}

// npmInstall runs a command of npm that installs packages.
func npmInstall(t *testing.T, dir, command string, args ...string) {
	t.Helper()
	args = append([]string{
		command, "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
		"--fetch-retries=1", "--fetch-retry-mintimeout=1000",
	}, args...)
	npm(t, dir, "npm", args...)
}

// npm runs npm, or what runs it, with the settings of the environment: they say which registry is reached, and how. It
// returns what was printed. Without a registry the test is skipped, but fails on a CI server.
func npm(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	for _, code := range []string{"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH"} {
		if err != nil && os.Getenv("CI") == "" && strings.Contains(stderr.String(), code) {
			t.Skipf("npm can't reach its registry: %s", code)
		}
	}
	require.NoErrorf(t, err, "running %v: %s%s", cmd.Args, out, &stderr)
	return strings.TrimSpace(string(out))
}
