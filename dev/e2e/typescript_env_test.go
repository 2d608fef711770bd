package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/programs"
)

// iTwinID is the iTwin that the app of the TypeScript tests is a member of.
const iTwinID = "7a1b5c3d-0000-4000-8000-000000000001"

// packing has tests that run side by side pack one after the other: npm installs the compiler into the sources' folder.
var packing sync.Mutex //nolint:gochecknoglobals // what it guards is one folder for all tests

// packClient packs the TypeScript client as a release does, and returns the package's path.
func packClient(t *testing.T) string {
	t.Helper()
	programs.Find(t, "npm")
	packing.Lock()
	defer packing.Unlock()
	return npm(t, ".", filepath.Join(repositoryPath, "scripts", "pack-client.sh"), "v0.0.0-test", t.TempDir())
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
	if err != nil {
		for _, code := range []string{"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH"} {
			if strings.Contains(stderr.String(), code) {
				skip := t.Skipf
				if os.Getenv("CI") != "" {
					skip = t.Fatalf
				}
				skip("npm can't reach its registry: %s", code)
			}
		}
		require.NoErrorf(t, err, "running %v: %s%s", cmd.Args, out, &stderr)
	}
	return strings.TrimSpace(string(out))
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

// newTypeScript is the example with the packed client and the sources of testdata, compiled.
func newTypeScript(t *testing.T, packed string) string {
	t.Helper()
	dir := copyExample(t, "typescript")
	npmInstall(t, dir, "ci")
	npmInstall(t, dir, "install", "--no-save", packed)
	sources, err := filepath.Glob("testdata/typescript/*.ts")
	require.NoError(t, err)
	require.NotEmpty(t, sources)
	for _, source := range sources {
		require.NoError(t, copyFile(source, filepath.Join(dir, "src", filepath.Base(source))))
	}
	npm(t, dir, "npm", "run", "--silent", "build")
	return dir
}

// withAuthorization returns a copy of a compiled project whose programs use another src/authorization.ts. What is
// installed is shared.
func withAuthorization(t *testing.T, project, variant string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "dist"), os.DirFS(filepath.Join(project, "dist"))))
	installed, err := filepath.Abs(filepath.Join(project, "node_modules"))
	require.NoError(t, err)
	require.NoError(t, os.Symlink(installed, filepath.Join(dir, "node_modules")))
	require.NoError(t, copyFile(filepath.Join(project, "package.json"), filepath.Join(dir, "package.json")))
	require.NoError(t, copyFile(filepath.Join(project, "dist", variant+".js"), filepath.Join(dir, "dist", "authorization.js")))
	return dir
}

// joinITwin makes the app a member of an iTwin.
func joinITwin(ims *emulator.Emulator) {
	ims.SetApp(emulator.App{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"itwin-platform"},
		ITwins: map[string][]string{iTwinID: {"imodels_read"}},
	})
}
