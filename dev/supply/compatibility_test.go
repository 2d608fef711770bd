package supply

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	sdkplugin "github.com/hashicorp/vault/sdk/plugin"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"

	"vault-plugin-secrets-itwin/dev/release"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const compatibilityPage = "compatibility.md"

// required are the versions that a go.mod of this repository requires, without their v.
func required(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	module, err := modfile.Parse(path, text, nil)
	require.NoError(t, err)
	versions := make(map[string]string)
	for _, r := range module.Require {
		versions[r.Mod.Path] = strings.TrimPrefix(r.Mod.Version, "v")
	}
	return versions
}

func TestPageNamesTheVaultsThatTheSuiteIsRunWith(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Glob(filepath.Join(root, "dev", "vault*", "go.mod"))
	require.NoError(t, err)
	var pinned, named []string
	for _, path := range modules {
		pinned = append(pinned, required(t, path)["github.com/hashicorp/vault"])
	}
	for _, row := range table(t, compatibilityPage, "Run by tests") {
		named = append(named, row[0])
		require.Equal(t, row[0], row[3], "the Agent is the same binary")
		// Those that `make compat` builds have their minor version in their module's name; `make test` builds dev/vault.
		module, minor := "vault", row[0][:strings.LastIndex(row[0], ".")]
		if strings.Contains(row[1], "make compat") {
			module += "-" + minor
		}
		require.Equal(t, row[0], required(t, filepath.Join(root, "dev", module, "go.mod"))["github.com/hashicorp/vault"])
	}
	require.ElementsMatch(t, pinned, named)
}

func TestPageNamesWhatThePluginIsMadeOf(t *testing.T) {
	t.Parallel()
	versions, named := required(t, filepath.Join(root, "go.mod")), facts(t)
	for _, module := range []string{"hashicorp/go-plugin", "hashicorp/vault/sdk", "hashicorp/vault/api"} {
		require.Equal(t, "v"+versions["github.com/"+module], named["`github.com/"+module+"`"])
	}
	platforms := strings.ReplaceAll(strings.Join(release.Platforms(t), ", "), "_", "/")
	require.Equal(t, platforms, named["platforms that a release is made for"])
	bao := required(t, filepath.Join(root, "dev", "openbao", "go.mod"))["github.com/openbao/openbao/sdk/v2"]
	page, err := os.ReadFile(filepath.Join(root, "docs", compatibilityPage))
	require.NoError(t, err)
	require.Contains(t, string(page), "OpenBao's SDK "+bao)
	require.Contains(t, string(page), "| [OpenBao](#openbao) "+bao[:strings.LastIndex(bao, ".")]+" |")
}

// facts are the rows of the page's last table.
func facts(t *testing.T) map[string]string {
	t.Helper()
	named := make(map[string]string)
	for _, row := range table(t, compatibilityPage, "The plugin") {
		named[row[0]] = row[1]
	}
	return named
}

func TestPageNamesTheProtocolsThatThePluginSpeaks(t *testing.T) {
	t.Parallel()
	plugin := vaulttest.Product(t).Path
	list, choice, _ := strings.Cut(facts(t)["plugin protocol versions"], ";")
	versions := strings.Split(list, ", ")
	require.Contains(t, choice, "choose the last")
	for _, version := range versions {
		require.Equal(t, version, spoken(t, plugin, version))
	}
	require.Equal(t, versions[len(versions)-1], spoken(t, plugin, strings.Join(versions, ",")))
	for version := range 9 {
		if other := fmt.Sprint(version); !slices.Contains(versions, other) {
			require.NotEqual(t, other, spoken(t, plugin, other))
		}
	}
}

// spoken starts the plugin as a server does to learn its version, offers protocol versions, and returns the one that the
// plugin chose: the second field of the line by which go-plugin answers.
func spoken(t *testing.T, plugin, offered string) string {
	t.Helper()
	handshake := sdkplugin.HandshakeConfig
	sockets, err := os.MkdirTemp("", "p") //nolint:usetesting // t.TempDir's names may be too long for a socket
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(sockets)) }()
	cmd := exec.CommandContext(t.Context(), plugin)
	cmd.Env = []string{
		"PLUGIN_PROTOCOL_VERSIONS=" + offered, pluginutil.PluginMetadataModeEnv + "=true", "TMPDIR=" + sockets,
		handshake.MagicCookieKey + "=" + handshake.MagicCookieValue,
	}
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	answer, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // what was killed reports that
	require.NoError(t, err)
	require.Regexp(t, `^1\|\d\|unix\|.*\|grpc\|`, answer)
	return strings.Split(answer, "|")[1]
}
