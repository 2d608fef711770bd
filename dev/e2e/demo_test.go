package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// demoRun is the demo as its user starts it, in a process group and with a folder for temporary files of its own.
type demoRun struct {
	command *exec.Cmd
	folder  string
	stdout  io.Reader
	output  *bytes.Buffer // what was read from stdout, and all of stderr
}

// newDemoRun prepares the demo with further arguments and environment; start and wait run it. ims is the emulator's
// binary.
func newDemoRun(t *testing.T, ims string, args, env []string) *demoRun {
	t.Helper()
	folder, err := os.MkdirTemp("", "demo") //nolint:usetesting // t.TempDir's long name is too long for the plugin's socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })

	plugin := vaulttest.Product(t)
	command := exec.Command("../../scripts/demo.sh", args...)
	// Whoever runs the tests may have an app of their own in the environment.
	env = append([]string{"ITWIN_CLIENT_ID=", "ITWIN_CLIENT_SECRET=", "ITWIN_AUTHORITY=", "ITWIN_API_URL="}, env...)
	command.Env = append(os.Environ(), append(env, "TMPDIR="+folder,
		"VAULT_BIN="+demoVault(t), "PLUGIN_BIN="+plugin.Path, "PLUGIN_VERSION="+plugin.Version, "EMULATOR_BIN="+ims)...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &demoRun{command: command, folder: folder}
}

func buildEmulator(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "ims-emulator")
	build := exec.Command("go", "build", "-o", binary, "../cmd/ims-emulator")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	return binary
}

func demoVault(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("VAULT_BIN"); path != "" {
		return path
	}
	path, err := exec.Command("../../scripts/vault.sh").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(path))
}

func (d *demoRun) start(t *testing.T) {
	t.Helper()
	d.output = &bytes.Buffer{}
	stdout, err := d.command.StdoutPipe()
	require.NoError(t, err)
	d.stdout = io.TeeReader(stdout, d.output)
	d.command.Stderr = d.command.Stdout
	require.NoError(t, d.command.Start())
}

// until returns the lines up to the one with the text.
func (d *demoRun) until(t *testing.T, text string) []string {
	t.Helper()
	var lines []string
	for scanner := bufio.NewScanner(d.stdout); scanner.Scan(); {
		lines = append(lines, scanner.Text())
		if strings.Contains(scanner.Text(), text) {
			return lines
		}
	}
	require.Fail(t, "the demo ended before it printed "+text, d.output.String())
	return nil
}

// interrupt sends what Ctrl-C sends, to the whole group.
func (d *demoRun) interrupt(t *testing.T) {
	t.Helper()
	require.NoError(t, syscall.Kill(-d.command.Process.Pid, syscall.SIGINT))
}

// wait returns the whole output and the exit code, having made sure that no process and no file is left.
func (d *demoRun) wait(t *testing.T) (output string, code int) {
	t.Helper()
	_, err := io.Copy(io.Discard, d.stdout)
	require.NoError(t, err)
	_ = d.command.Wait() // its error is the exit code once more

	require.ErrorIs(t, syscall.Kill(-d.command.Process.Pid, 0), syscall.ESRCH, "a process of its group is left")
	require.Empty(t, processesOf(t, d.folder), "a process is left")
	left, err := os.ReadDir(d.folder)
	require.NoError(t, err)
	require.Empty(t, left, "a file is left")
	return d.output.String(), d.command.ProcessState.ExitCode()
}

// processesOf lists the command lines of those whose environment names the folder, as all that the demo starts do.
func processesOf(t *testing.T, folder string) []string {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	var found []string
	for _, path := range environments {
		// A process that ended meanwhile, or is another user's, can't be read, and isn't the demo's.
		if environment, err := os.ReadFile(path); err == nil && bytes.Contains(environment, []byte(folder)) {
			commandLine, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			found = append(found, string(bytes.ReplaceAll(commandLine, []byte{0}, []byte(" "))))
		}
	}
	return found
}

func requireNoToken(t *testing.T, output string) {
	t.Helper()
	require.NotRegexp(t, `eyJ[\w-]{8,}|hv[sbr]\.[\w-]{7,}`, output, "more than ten characters of a token")
}

func TestDemoTellsItsStoryAndLeavesNothing(t *testing.T) {
	t.Parallel()
	demo := newDemoRun(t, buildEmulator(t), nil, nil)
	demo.start(t)
	output, code := demo.wait(t)

	require.Zero(t, code, output)
	requireNoToken(t, output)
	for _, line := range []string{
		"Success! Registered plugin: ",
		"client_secret=@secret.txt \\\n  authority=http://127.0.0.1:",
		"$ vault read -field=ok itwin/check/viewer\ntrue\n",
		"scope                  itwin-platform itwins:read",
		"access_token           eyJhbGciOi…",
		"permission denied",
		`"email":"service-demo@apps.imsoidc.bentley.com"`,
		"ITWIN_TOKEN=eyJhbGciOi…",
		"stage connect",
		"Done in ",
	} {
		require.Contains(t, output, line)
	}
	ids := regexp.MustCompile(`(?m)^[0-9a-f]{64}$`).FindAllString(output, -1)
	require.Len(t, ids, 4)
	require.Regexp(t, `token_id +`+ids[0], output, "the second read got another token than the first")
	require.NotEqual(t, ids[0], ids[1], "rotation left the old token")
	require.Equal(t, []string{ids[1], ids[1]}, ids[2:], "the token changed while IMS was down")
}

func TestDemoUsesTheAppOfTheEnvironment(t *testing.T) {
	t.Parallel()
	binary := buildEmulator(t)
	app := emulator.App{ClientID: "service-own", ClientSecret: "canary+of/the=demo", Scopes: []string{"itwin-platform"}}
	for name, test := range map[string]struct {
		secret string
		code   int
		want   string
	}{
		"with its secret, the tour ends well":              {app.ClientSecret, 0, `"email":"service-own@apps.imsoidc.bentley.com"`},
		"with another secret, the refusal by IMS is shown": {"another+canary/secret=", 1, "invalid_client"},
		"and what to type": {"another+canary/secret=", 1, "\n  read -rs ITWIN_CLIENT_SECRET; export ITWIN_CLIENT_SECRET\n\n" +
			"and run make demo again, or without an account: unset ITWIN_CLIENT_ID ITWIN_CLIENT_SECRET\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ims, err := emulator.Start(emulator.Options{Apps: []emulator.App{app}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, ims.Close()) })
			demo := newDemoRun(t, binary, nil, []string{
				"ITWIN_CLIENT_ID=" + app.ClientID, "ITWIN_CLIENT_SECRET=" + test.secret,
				"ITWIN_AUTHORITY=" + ims.URL(), "ITWIN_API_URL=" + ims.URL(),
			})
			demo.start(t)
			output, code := demo.wait(t)

			require.Equal(t, test.code, code, output)
			require.Contains(t, output, test.want)
			require.NotContains(t, output, "emulator")
			require.NotContains(t, output, "The end of vault.log", "there is nothing in it about the app")
			require.NotContains(t, output, test.secret)
			requireNoToken(t, output)
			require.NotZero(t, ims.Exchanges())
		})
	}
}

func TestDemoLeavesNothingWhenInterrupted(t *testing.T) {
	t.Parallel()
	binary := buildEmulator(t)
	for name, test := range map[string]struct {
		args []string
		at   string
		code int
	}{
		"while Vault starts":            {nil, "vault server -dev", 130},
		"between two steps":             {nil, "Success! Enabled the", 130},
		"when it waits for just that":   {[]string{"dev"}, "_emulator/fault", 0},
		"while dev is still setting up": {[]string{"dev"}, "Success! Enabled the", 130},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			demo := newDemoRun(t, binary, test.args, nil)
			demo.start(t)
			demo.until(t, test.at)
			demo.interrupt(t)
			output, code := demo.wait(t)
			require.Equal(t, test.code, code, output)
		})
	}
}
