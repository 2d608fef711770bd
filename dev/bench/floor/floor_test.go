package floor

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestReadReturnsWhatWasLastWritten(t *testing.T) {
	t.Parallel()
	storage := &logical.InmemStorage{}
	b, err := Factory(t.Context(), &logical.BackendConfig{System: logical.TestSystemView(), StorageView: storage})
	require.NoError(t, err)
	require.Equal(t, Version, b.(logical.PluginVersioner).PluginVersion().Version)

	written := map[string]any{"access_token": "a", "ttl": 1}
	_, err = b.HandleRequest(t.Context(), &logical.Request{Operation: logical.UpdateOperation, Path: "token", Data: written})
	require.NoError(t, err)
	_, err = b.HandleRequest(t.Context(), &logical.Request{Operation: logical.RollbackOperation})
	require.ErrorIs(t, err, logical.ErrUnsupportedOperation)
	resp, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.ReadOperation, Path: "token/any"})
	require.NoError(t, err)
	require.Equal(t, written, resp.Data)
}
