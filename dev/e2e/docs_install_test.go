package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl"
	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	installPage      = "docs/install.md"
	installedVersion = "v1.2.3"
)

func TestInstallPageIsRunAsItStands(t *testing.T) {
	t.Parallel()
	programs.Find(t, "gpg")
	d := newReleaseDesk(t)
	d.cues = []*cue{
		{at: "sha256sum -c", after: func(t *testing.T, output string) { t.Helper(); require.Contains(t, output, ".zip: OK") }},
		{at: "gpg --verify", before: d.sign},
		{at: "vault read -field=version", after: d.requireInstalled},
		{at: "unzip -p", before: d.startPod}, // in the part on Kubernetes
		{at: "vault secrets disable", before: d.useMount, after: d.requireRemoved},
	}
	d.work(installPage)

	for _, block := range readPage(t, installPage).Blocks {
		if block.Info == "hcl" {
			var config map[string]any
			require.NoError(t, hcl.Decode(&config, block.Text), block.Text)
			require.Contains(t, config, "plugin_directory")
		}
	}
}

// newReleaseDesk is a desk with a release in its folder, of which nothing is installed.
func newReleaseDesk(t *testing.T) *desk {
	t.Helper()
	programs.Find(t, "unzip")
	d := newDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	d.release()
	d.plugin.Version = installedVersion
	d.stand = d.standIns()
	return d
}

// sign signs the sums with a key that the user is taken to have got from the maintainers.
func (d *desk) sign(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { d.must("gpgconf --kill all") })
	d.must(`mkdir -m 700 .gnupg
		gpg --batch --passphrase "" --quick-generate-key maintainers@example.com
		gpg --batch --armor --detach-sign SHA256SUMS`)
}

func (d *desk) requireInstalled(t *testing.T, output string) {
	t.Helper()
	require.Regexp(t, `\n`+installedVersion+`\s*$`, output)
	info, err := os.Stat(filepath.Join(d.plugins, d.plugin.Name+"-"+installedVersion))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode())
	d.useMount(t)
}

// useMount has the mount hand out a token.
func (d *desk) useMount(*testing.T) {
	d.t.Helper()
	d.configure(nil)
	d.mustToken("itwin/token")
}

func (d *desk) requireRemoved(t *testing.T, _ string) {
	t.Helper()
	require.NotContains(t, d.mustRead("sys/mounts").Data, "itwin/")
	left, err := os.ReadDir(d.plugins)
	require.NoError(t, err)
	require.Empty(t, left)
	plugins, err := d.root.Sys().ListPlugins(&api.ListPluginsInput{Type: api.PluginTypeSecrets})
	require.NoError(t, err)
	require.NotContains(t, plugins.PluginsByType[api.PluginTypeSecrets], d.plugin.Name)
}
