package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// desk is where an operator works through a page: a Vault, a folder with the files that the page names, and what stands
// for the page's examples.
type desk struct {
	*env

	dir     string
	bin     string // comes first in the PATH
	plugins string // the server's plugin directory
	qa      *emulator.Emulator
	// stand says what a user would put in the place of each text of a page.
	stand []string
	cues  []*cue
}

// cue is something that happens beside the commands, such as an outage, or that has to hold once a command was run.
type cue struct {
	at     string // a text of the block that it belongs to
	before func(t *testing.T)
	after  func(t *testing.T, output string)
}

// newDesk has a Vault in which nothing is registered yet.
func newDesk(t *testing.T, opts vaulttest.Options) *desk {
	t.Helper()
	server := vaulttest.StartServer(t, opts)
	d := &desk{
		env: &env{t: t, ims: startIMS(t), plugin: vaulttest.Product(t), server: server, root: server.Root(t)},
		dir: t.TempDir(), bin: t.TempDir(), qa: startIMS(t),
	}
	require.NoError(t, os.Symlink(vaulttest.Binary(t), filepath.Join(d.bin, "vault")))
	d.plugins = d.mustRead("sys/config/state/sanitized").Data["plugin_directory"].(string)
	for _, name := range []string{"secret.txt", "qa-secret.txt", "survey.txt"} {
		d.write(name, clientSecret)
	}
	d.stand = d.standIns()
	return d
}

// newMountedDesk is a desk after the README: the plugin registered and mounted, the default app configured.
func newMountedDesk(t *testing.T, opts vaulttest.Options) *desk {
	t.Helper()
	d := newDesk(t, opts)
	d.server.Register(t, d.plugin)
	vaulttest.Mount(t, d.root, d.plugin, mount)
	d.configure(nil)
	d.mustWrite("itwin/role/viewer", fields{"scopes": "itwin-platform"})
	return d
}

// standIns is the one place where pages and tests differ: what a user would put in by themselves, and the addresses of
// the emulators in place of Bentley's.
func (d *desk) standIns() []string {
	repository, err := filepath.Abs(repositoryPath)
	require.NoError(d.t, err)
	app := "client_id=" + clientID + " authority=" + d.ims.URL() + " api_url=" + d.ims.URL()
	return []string{
		"/etc/vault/plugins", d.plugins,
		"vX.Y.Z", d.plugin.Version,
		"linux_amd64", runtime.GOOS + "_" + runtime.GOARCH,
		" -o vault -g vault", "", // a user that this machine may not have
		// Where a page leaves the authority to its default, the line ends after the secret.
		"client_id=service-YourAppsIdFromMyApps client_secret=@secret.txt\n", app + " client_secret=@secret.txt\n",
		"client_id=service-YourAppsIdFromMyApps", "client_id=" + clientID,
		"client_id=service-YourSurveyAppsId", app,
		"client_id=service-YourQaAppsId", "client_id=" + clientID,
		"client_id=…", app,
		"https://qa-ims.bentley.com", d.qa.URL(),
		"https://qa-api.bentley.com", d.qa.URL(),
		"https://ims.bentley.com", d.ims.URL(),
		"https://api.bentley.com", d.ims.URL(),
		// What these commands do is another test's; here each has to be one.
		"make ", "make -n -C " + repository + " ",
	}
}

func (d *desk) write(name, text string) {
	d.t.Helper()
	require.NoError(d.t, os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600))
}

// work runs the page's blocks of shell one after the other, each in a shell of its own, and calls every cue. A block
// "sh fails" has to fail; one "sh unrun" needs what no test has, and is only parsed.
func (d *desk) work(page string) {
	d.t.Helper()
	for _, block := range readPage(d.t, page).Blocks {
		if language, _, _ := strings.Cut(block.Info, " "); language == "sh" {
			d.runBlock(page, block)
		}
	}
	for _, c := range d.cues {
		require.Failf(d.t, "a cue found no block", "%s has no shell block with %q", page, c.at)
	}
}

func (d *desk) runBlock(page string, block block) {
	d.t.Helper()
	if block.Info == "sh unrun" {
		return
	}
	called := slices.Clone(d.cues)
	called = slices.DeleteFunc(called, func(c *cue) bool { return !strings.Contains(block.Text, c.at) })
	d.cues = slices.DeleteFunc(d.cues, func(c *cue) bool { return slices.Contains(called, c) })
	for _, c := range called {
		if c.before != nil {
			c.before(d.t)
		}
	}
	output, err := d.bash(block.Text)
	where := fmt.Sprintf("%s, %s:\n%s%s", page, block.Heading, block.Text, output)
	if block.Info == "sh fails" {
		require.Error(d.t, err, where)
	} else {
		require.NoError(d.t, err, where)
	}
	for _, c := range called {
		if c.after != nil {
			c.after(d.t, output)
		}
	}
}

// bash runs commands as they stand on a page, and returns what they printed.
func (d *desk) bash(commands string) (string, error) {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.NewReplacer(d.stand...).Replace(commands))
	cmd.Dir = d.dir
	cmd.Env = []string{
		"PATH=" + d.bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + d.dir,
		"VAULT_ADDR=" + d.server.Addr, "VAULT_TOKEN=" + d.root.Token(), "VAULT_MAX_RETRIES=0",
	}
	output, err := cmd.CombinedOutput()
	return string(output), err
}
