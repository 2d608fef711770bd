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

	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestDemo shares the emulator's binary. Each demo has its own folder and ports.
func TestDemo(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "ims-emulator")
	build := exec.Command("go", "build", "-o", binary, "../cmd/ims-emulator")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	for name, test := range map[string]func(t *testing.T, binary string){
		"tells its story":                  testDemoStory,
		"uses the app of the environment":  testDemoOwnApp,
		"shows a refusal and what to type": testDemoRefusedApp,
		"leaves nothing when interrupted":  testDemoInterrupted,
		"suggests what works":              testDevSuggestions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, binary)
		})
	}
}

// demoRun is the demo as its user starts it, in a process group and with a folder for temporary files of its own.
type demoRun struct {
	command *exec.Cmd
	folder  string
	stdout  io.Reader
	output  *bytes.Buffer // what was read of both streams
}

// startDemo starts the demo with further arguments and environment. ims is the emulator's binary.
func startDemo(t *testing.T, ims string, env []string, args ...string) *demoRun {
	t.Helper()
	folder, err := os.MkdirTemp("", "demo") //nolint:usetesting // t.TempDir's long name is too long for the plugin's socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	plugin := vaulttest.Product(t)
	command := exec.Command("../../scripts/demo.sh", args...)
	// Whoever runs the tests may have an app of their own in the environment.
	command.Env = append(os.Environ(), "ITWIN_CLIENT_ID=", "ITWIN_CLIENT_SECRET=", "ITWIN_AUTHORITY=", "ITWIN_API_URL=", "TMPDIR="+folder,
		"VAULT_BIN="+vaulttest.Binary(t), "PLUGIN_BIN="+plugin.Path, "PLUGIN_VERSION="+plugin.Version, "EMULATOR_BIN="+ims)
	command.Env = append(command.Env, env...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	command.Stderr = command.Stdout
	require.NoError(t, command.Start())
	output := &bytes.Buffer{}
	return &demoRun{command: command, folder: folder, stdout: io.TeeReader(stdout, output), output: output}
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

func testDemoStory(t *testing.T, binary string) {
	t.Helper()
	output, code := startDemo(t, binary, nil).wait(t)
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

func testDemoOwnApp(t *testing.T, binary string) {
	t.Helper()
	output, code := runOwnApp(t, binary, clientSecret)
	require.Zero(t, code, output)
	require.Contains(t, output, `"email":"`+appEmail+`"`)
}

func testDemoRefusedApp(t *testing.T, binary string) {
	t.Helper()
	output, code := runOwnApp(t, binary, "another+canary/secret=")
	require.Equal(t, 1, code, output)
	require.Contains(t, output, "invalid_client")
	require.Contains(t, output, "\n  read -rs ITWIN_CLIENT_SECRET; export ITWIN_CLIENT_SECRET\n\n"+
		"and run make demo again, or without an account: unset ITWIN_CLIENT_ID ITWIN_CLIENT_SECRET\n")
	require.NotContains(t, output, "The end of vault.log", "there is nothing in it about the app")
}

// runOwnApp has the demo use an app that an IMS knows.
func runOwnApp(t *testing.T, binary, secret string) (output string, code int) {
	t.Helper()
	ims := startIMS(t)
	output, code = startDemo(t, binary, []string{
		"ITWIN_CLIENT_ID=" + clientID, "ITWIN_CLIENT_SECRET=" + secret, "ITWIN_AUTHORITY=" + ims.URL(), "ITWIN_API_URL=" + ims.URL(),
	}).wait(t)
	require.NotContains(t, output, "emulator")
	require.NotContains(t, output, secret)
	requireNoToken(t, output)
	require.NotZero(t, ims.Exchanges(), output)
	return output, code
}

// testDemoInterrupted leaves an interrupt while dev waits for just that to the test of dev's suggestions.
func testDemoInterrupted(t *testing.T, binary string) {
	t.Helper()
	for args, at := range map[string]string{"demo": "vault server -dev", "dev": "Success! Enabled the"} {
		demo := startDemo(t, binary, nil, args)
		demo.until(t, at)
		demo.interrupt(t)
		output, code := demo.wait(t)
		require.Equal(t, 130, code, output)
	}
}

// testDevSuggestions types all that `make dev` suggests, in a shell of another terminal.
func testDevSuggestions(t *testing.T, binary string) {
	t.Helper()
	curl := programs.Find(t, "curl")
	demo := startDemo(t, binary, nil, "dev")
	printed := strings.Join(demo.until(t, "# Ctrl-C in this terminal stops"), "\n")
	requireNoToken(t, printed)
	_, suggested, found := strings.Cut(printed, "# It is all running now, in ")
	require.True(t, found, printed)

	lines := regexp.MustCompile(`(?m)^(\w+="\$\(.*\)" )?(cd|export|vault|curl) (.*\\\n)*.*$`).FindAllString(suggested, -1)
	// Only the rotation fails that is suggested for when IMS does.
	script := strings.Replace(strings.Join(lines, "\n"), "_emulator/fault\n", "_emulator/fault\n! ", 1)
	bash := exec.CommandContext(t.Context(), "bash", "-euc", script)
	bash.Env = []string{"PATH=" + filepath.Dir(curl) + ":/usr/bin:/bin", "HOME=" + t.TempDir()}
	output, err := bash.CombinedOutput()
	require.NoErrorf(t, err, "%s\n%s", script, output)
	require.Equal(t, 1, strings.Count(string(output), "Code: 502"))
	require.Equal(t, 2, strings.Count(script, "itwin/check/"))
	require.Len(t, regexp.MustCompile(`(?m)^ok +true$`).FindAll(output, -1), 2)

	demo.interrupt(t)
	_, code := demo.wait(t)
	require.Zero(t, code)
}
