package main

import (
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
	"github.com/stretchr/testify/require"
)

// actAsPlugin makes this test's binary behave as the command it tests.
const actAsPlugin = "ACT_AS_PLUGIN"

func TestMain(m *testing.M) {
	if os.Getenv(actAsPlugin) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestVersionFlagPrintsASemVerAlone(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-version", "--version"} {
		cmd := command(t, flag)
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Equal(t, runningVersion(version)+"\n", string(out))
	}
}

// TestServesVaultsProtocol speaks to the command as Vault does: over go-plugin,
// in a process of its own, with mutual TLS. Version 4 of the protocol is 5 without
// multiplexing, whose ids only Vault hands out.
func TestServesVaultsProtocol(t *testing.T) {
	t.Parallel()
	backend, _ := start(t, &logical.InmemStorage{}, io.Discard)
	require.Equal(t, logical.TypeLogical, backend.Type())

	resp, err := backend.HandleRequest(t.Context(), &logical.Request{
		Operation: logical.ReadOperation, Path: "token", MountPoint: "itwin/", Storage: &logical.InmemStorage{},
	})
	require.NoError(t, err)
	require.ErrorContains(t, resp.Error(), "vault write itwin/config")
}

// start starts the command as a plugin; its log goes to stderr. stop ends it, and
// returns when the log is complete.
func start(t *testing.T, storage logical.Storage, stderr io.Writer) (backend logical.Backend, stop func()) {
	t.Helper()
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig,
		VersionedPlugins: map[int]goplugin.PluginSet{
			4: {plugin.BackendPluginName: &plugin.GRPCBackendPlugin{}},
		},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Cmd:              command(t),
		AutoMTLS:         true,
		Logger:           hclog.NewNullLogger(),
		SyncStderr:       io.Discard,
		Stderr:           stderr,
	})
	t.Cleanup(client.Kill)

	protocol, err := client.Client()
	require.NoError(t, err)
	require.NoError(t, protocol.Ping())
	dispensed, err := protocol.Dispense(plugin.BackendPluginName)
	require.NoError(t, err)
	backend, ok := dispensed.(logical.Backend)
	require.True(t, ok)
	require.NoError(t, backend.Setup(t.Context(), &logical.BackendConfig{
		Logger:      hclog.NewNullLogger(),
		System:      &logical.StaticSystemView{},
		StorageView: storage,
	}))
	return backend, client.Kill
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), actAsPlugin+"=1", pluginutil.PluginAutoMTLSEnv+"=true")
	return cmd
}
