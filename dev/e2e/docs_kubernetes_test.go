package e2e

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
)

// startPod empties the plugin directory and fills it again as the init container in the chart's values does.
func (d *desk) startPod(t *testing.T) {
	t.Helper()
	server := yamlDocuments(t, "kubernetes", "values.yaml")[0].at(t, "server")
	directory := requireDirectory(t, server)
	d.mustDelete("sys/mounts/itwin")
	d.must("rm /etc/vault/plugins/*")
	releases := httptest.NewServer(http.StripPrefix("/"+installedVersion, http.FileServer(http.Dir(d.dir))))
	defer releases.Close()

	output, err := d.runInitContainer(server, directory, releases.URL, strings.Repeat("0", 64))
	require.Error(t, err, "a file with another sum was taken")
	require.Contains(t, output, "FAILED")
	d.must("test -z \"$(ls /etc/vault/plugins)\"")

	sum, _, _ := strings.Cut(d.must("sha256sum "+d.archive(d.plugin.Name)), " ")
	output, err = d.runInitContainer(server, directory, releases.URL, sum)
	require.NoError(t, err, output)
}

// requireDirectory wants Vault and the init container to share a volume, and Vault to take plugins from there.
func requireDirectory(t *testing.T, server node) string {
	t.Helper()
	shared, filled := server.at(t, "volumeMounts", 0), server.at(t, "extraInitContainers", 0, "volumeMounts", 0)
	directory := shared.at(t, "mountPath").text(t)
	for _, mounted := range []node{shared, filled} {
		require.Equal(t, server.at(t, "volumes", 0, "name").text(t), mounted.at(t, "name").text(t))
		require.Equal(t, directory, mounted.at(t, "mountPath").text(t))
	}
	var config map[string]any
	require.NoError(t, hcl.Decode(&config, server.at(t, "ha", "raft", "config").text(t)))
	require.Equal(t, directory, config["plugin_directory"])
	return directory
}

// runInitContainer runs the script with the values that a user would fill in, and with BusyBox instead of the programs of
// Vault's image.
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
