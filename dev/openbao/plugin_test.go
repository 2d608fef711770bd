package openbao

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/openbao/openbao/sdk/v2/helper/consts"
	"github.com/openbao/openbao/sdk/v2/logical"
	"github.com/stretchr/testify/require"
)

func request(storage logical.Storage, op logical.Operation, path string, data map[string]any) *logical.Request {
	return &logical.Request{
		ID: rand.Text(), Operation: op, Path: path, Data: data, Storage: storage, MountPoint: "itwin/", MountType: "itwin",
	}
}

// call sends a request as the server does once policies and audit have let it pass.
func call(t *testing.T, b logical.Backend, storage logical.Storage, op logical.Operation, path string, data map[string]any) map[string]any {
	t.Helper()
	response, err := b.HandleRequest(t.Context(), request(storage, op, path, data))
	require.NoError(t, err, path)
	if response == nil {
		return nil
	}
	require.NoError(t, response.Error(), path)
	return response.Data
}

// configure has the plugin get its tokens from an IMS that answers every exchange with another one.
func configure(t *testing.T, b logical.Backend, storage logical.Storage) {
	t.Helper()
	ims := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/connect/token" || r.PostFormValue("client_secret") != "the-secret" {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600})
	}))
	t.Cleanup(ims.Close)
	call(t, b, storage, logical.CreateOperation, "config", map[string]any{
		"client_id": "service-openbao", "client_secret": "the-secret", "authority": ims.URL,
	})
}

func TestOpenBaoConfiguresReadsRotatesAndReloads(t *testing.T) {
	t.Parallel()
	h, storage := newHost(t), &logical.InmemStorage{}
	b := h.mount(t, storage)
	require.Equal(t, logical.TypeLogical, b.Type())
	require.NotEmpty(t, b.(logical.PluginVersioner).PluginVersion().Version)
	require.Contains(t, b.SpecialPaths().SealWrapStorage, "config")

	configure(t, b, storage)
	first := call(t, b, storage, logical.ReadOperation, "token", nil)["access_token"]
	require.NotEmpty(t, first)
	require.Equal(t, first, call(t, b, storage, logical.ReadOperation, "token", nil)["access_token"])

	call(t, b, storage, logical.UpdateOperation, "rotate", nil)
	second := call(t, b, storage, logical.ReadOperation, "token", nil)["access_token"]
	require.NotEqual(t, first, second)
	call(t, b, storage, logical.RollbackOperation, "", nil)

	reloaded := h.mount(t, storage)
	require.Equal(t, second, call(t, reloaded, storage, logical.ReadOperation, "token", nil)["access_token"])
}

// readOnly is a standby's storage.
type readOnly struct{ logical.Storage }

func (readOnly) Put(context.Context, *logical.StorageEntry) error { return logical.ErrReadOnly }
func (readOnly) Delete(context.Context, string) error             { return logical.ErrReadOnly }

// OpenBao sends a request on to the active node when it sees this error, and only then.
func TestOpenBaosStandbyServesWhatIsStoredAndLeavesTheRestToTheActiveNode(t *testing.T) {
	t.Parallel()
	active, storage := newHost(t), &logical.InmemStorage{}
	b := active.mount(t, storage)
	configure(t, b, storage)
	call(t, b, storage, logical.CreateOperation, "role/viewer", map[string]any{"scopes": "itwins:read"})
	token := call(t, b, storage, logical.ReadOperation, "token", nil)["access_token"]

	standby := newHost(t)
	standby.ReplicationStateVal = consts.ReplicationPerformanceStandby
	local := readOnly{storage}
	reader := standby.mount(t, local)
	require.Equal(t, token, call(t, reader, local, logical.ReadOperation, "token", nil)["access_token"])
	_, err := reader.HandleRequest(t.Context(), request(local, logical.ReadOperation, "token/viewer", nil))
	require.Equal(t, logical.ErrReadOnly, err)
	call(t, reader, local, logical.RollbackOperation, "", nil)
}
