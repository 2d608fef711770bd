package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

// TestKubernetesValuesInstallThePlugin does what the chart's init container does, with BusyBox for the tools of Vault's
// image, and then follows the page.
func TestKubernetesValuesInstallThePlugin(t *testing.T) {
	t.Parallel()
	server := yamlDocuments(t, "kubernetes", "values.yaml")[0].at(t, "server")
	directory := requireVolume(t, server)
	requireServerConfig(t, server, directory)

	d := newReleaseDesk(t)
	releases := d.serveRelease()
	output, err := d.runInitContainer(server, directory, releases, strings.Repeat("0", 64))
	require.Error(t, err, "a file with another sum was taken")
	require.Contains(t, output, "FAILED")
	installed := filepath.Join(d.plugins, d.plugin.Name+"-"+installedVersion)
	require.NoFileExists(t, installed)

	output, err = d.runInitContainer(server, directory, releases, d.sumOfArchive())
	require.NoError(t, err, output)
	require.FileExists(t, installed)
	for _, block := range readPage(t, installPage).Blocks {
		if block.Heading == "Kubernetes" {
			d.runBlock(installPage, block)
		}
	}
	d.useMount(t)
}

// requireVolume returns the path at which Vault and the init container share a volume.
func requireVolume(t *testing.T, server node) string {
	t.Helper()
	name := server.at(t, "volumes", 0, "name").text(t)
	require.Contains(t, server.at(t, "volumes", 0).value, "emptyDir")
	var paths []string
	for _, mounts := range []node{server.at(t, "volumeMounts"), server.at(t, "extraInitContainers", 0, "volumeMounts")} {
		require.Equal(t, name, mounts.at(t, 0, "name").text(t))
		paths = append(paths, mounts.at(t, 0, "mountPath").text(t))
	}
	require.Equal(t, true, server.at(t, "volumeMounts", 0, "readOnly").value)
	require.Equal(t, paths[0], paths[1])
	return paths[0]
}

// requireServerConfig reads the configuration as Vault does.
func requireServerConfig(t *testing.T, server node, pluginDirectory string) {
	t.Helper()
	require.Equal(t, true, server.at(t, "ha", "enabled").value)
	require.Equal(t, true, server.at(t, "ha", "raft", "enabled").value)
	require.Equal(t, true, server.at(t, "dataStorage", "enabled").value)
	var config map[string]any
	require.NoError(t, hcl.Decode(&config, server.at(t, "ha", "raft", "config").text(t)))
	require.Equal(t, pluginDirectory, config["plugin_directory"])
	require.Contains(t, config, "storage")
	require.Contains(t, config, "listener")
}

// serveRelease is a server with the desk's archives in a folder that is named after their version.
func (d *desk) serveRelease() string {
	d.t.Helper()
	files := http.StripPrefix("/releases/"+installedVersion, http.FileServer(http.Dir(d.dir)))
	server := httptest.NewServer(files)
	d.t.Cleanup(server.Close)
	return server.URL + "/releases"
}

func (d *desk) sumOfArchive() string {
	d.t.Helper()
	found, err := filepath.Glob(filepath.Join(d.dir, d.plugin.Name+"_*.zip"))
	require.NoError(d.t, err)
	require.Len(d.t, found, 1)
	archive, err := os.ReadFile(found[0])
	require.NoError(d.t, err)
	sum := sha256.Sum256(archive)
	return hex.EncodeToString(sum[:])
}

// runInitContainer runs the script with the values that a user would fill in, and no program but BusyBox's.
func (d *desk) runInitContainer(server node, directory, releases, sum string) (output string, err error) {
	d.t.Helper()
	container := server.at(d.t, "extraInitContainers", 0)
	filled := strings.NewReplacer(append(d.stand,
		directory, d.plugins, strings.Repeat("0", 64), sum, "https://releases.example.com/vault-plugin-secrets-itwin", releases,
	)...)
	busybox, tools := programs.Find(d.t, "busybox"), d.t.TempDir()
	install, err := exec.CommandContext(d.t.Context(), busybox, "--install", "-s", tools).CombinedOutput()
	require.NoErrorf(d.t, err, "%s", install)

	command := append(container.at(d.t, "command").texts(d.t), filled.Replace(container.at(d.t, "args", 0).text(d.t)))
	cmd := exec.CommandContext(d.t.Context(), filepath.Join(tools, command[0]), command[1:]...)
	cmd.Env = []string{"PATH=" + tools, "TMPDIR=" + d.t.TempDir()}
	for _, variable := range container.at(d.t, "env").value.([]any) {
		cmd.Env = append(cmd.Env, node{variable}.at(d.t, "name").text(d.t)+"="+filled.Replace(node{variable}.at(d.t, "value").text(d.t)))
	}
	printed, err := cmd.CombinedOutput()
	return string(printed), err
}
