// Package openbao tests the plugin's binary with the code that an OpenBao server talks to plugins by: OpenBao's published
// SDK. It is a module of its own, because this SDK and Vault's describe the same protocol and can't be in one program.
//
// It stands in for what a server does with a plugin, and tests nothing of a server: no catalog, policies, audit or HA.
package openbao

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"os"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/openbao/openbao/sdk/v2/helper/pluginutil"
	"github.com/openbao/openbao/sdk/v2/logical"
	bao "github.com/openbao/openbao/sdk/v2/plugin"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// host is what a server has for a mount: the plugin's process, started by the checksum that it was registered with.
type host struct {
	logical.StaticSystemView

	runner *pluginutil.PluginRunner
}

// newHost has the plugin that PLUGIN_BIN names.
func newHost(t *testing.T) *host {
	t.Helper()
	path := os.Getenv("PLUGIN_BIN")
	require.NotEmpty(t, path, "PLUGIN_BIN names the built plugin: run make compat-openbao")
	binary, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(binary)
	return &host{
		StaticSystemView: logical.StaticSystemView{VersionString: "2.6.0"},
		runner:           &pluginutil.PluginRunner{Name: "itwin", Command: path, Sha256: sum[:]},
	}
}

// NewPluginClient starts the plugin's process. The SDK calls it, as it calls a server's catalog.
func (h *host) NewPluginClient(ctx context.Context, config pluginutil.PluginClientConfig) (pluginutil.PluginClient, error) {
	process, err := h.runner.RunConfig(ctx,
		pluginutil.Runner(h), pluginutil.PluginSets(config.PluginSets), pluginutil.HandshakeConfig(config.HandshakeConfig),
		pluginutil.Logger(config.Logger), pluginutil.AutoMTLS(config.AutoMTLS))
	if err != nil {
		return nil, err
	}
	protocol, err := process.Client()
	if err != nil {
		process.Kill()
		return nil, err
	}
	return &client{ClientProtocol: protocol, id: rand.Text()}, nil
}

// client is one mount's connection to a process that may serve several.
type client struct {
	plugin.ClientProtocol

	id string
}

func (c *client) Conn() grpc.ClientConnInterface {
	return &conn{ClientConnInterface: c.ClientProtocol.(*plugin.GRPCClient).Conn, id: c.id}
}

func (c *client) Reload() error { return c.Close() }

// conn says with every call which mount it is for.
type conn struct {
	grpc.ClientConnInterface

	id string
}

func (c *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx = metadata.AppendToOutgoingContext(ctx, pluginutil.MultiplexingCtxKey, c.id)
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

// mount starts the plugin for a mount with this storage, as a server does at a mount, an unseal or a reload.
func (h *host) mount(t *testing.T, storage logical.Storage) logical.Backend {
	t.Helper()
	config := &logical.BackendConfig{System: h, StorageView: storage, Logger: hclog.NewNullLogger(), BackendUUID: rand.Text()}
	pluginClient, err := bao.NewPluginClientV5(t.Context(), h, pluginutil.PluginClientConfig{
		Name: "itwin", PluginSets: bao.PluginSet, HandshakeConfig: bao.HandshakeConfig, Logger: config.Logger, AutoMTLS: true,
	})
	require.NoError(t, err)
	t.Cleanup(func() { pluginClient.Cleanup(context.Background()) })
	require.NoError(t, pluginClient.Setup(t.Context(), config))
	require.NoError(t, pluginClient.Initialize(t.Context(), &logical.InitializationRequest{Storage: storage}))
	return pluginClient
}
