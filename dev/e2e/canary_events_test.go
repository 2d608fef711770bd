package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	itwin "vault-plugin-secrets-itwin"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// eventRecorder takes the place of Vault's event bus, to which Vault's community edition lets nobody subscribe.
type eventRecorder struct {
	mu   sync.Mutex
	sent strings.Builder
}

// SendEvent implements logical.EventSender.
func (r *eventRecorder) SendEvent(_ context.Context, kind logical.EventType, event *logical.EventData) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent.WriteString(string(kind) + " " + event.String() + "\n")
	return nil
}

func (r *eventRecorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent.String()
}

func TestNoEventHoldsASecretOrAToken(t *testing.T) {
	t.Parallel()
	ims, recorder, storage := startIMS(t), &eventRecorder{}, &logical.InmemStorage{}
	engine, err := itwin.Factory(t.Context(), &logical.BackendConfig{
		Logger: hclog.NewNullLogger(), System: &logical.StaticSystemView{}, StorageView: storage, EventsSender: recorder,
	})
	require.NoError(t, err)
	t.Cleanup(func() { engine.Cleanup(context.Background()) })
	send := func(op logical.Operation, path string, data fields) {
		// Failures are part of it: the events that must come of them are looked for below.
		_, _ = engine.HandleRequest(t.Context(), &logical.Request{Operation: op, Path: path, Data: data, Storage: storage})
	}
	for name, fault := range disclosures() {
		ims.Heal()
		id := slug(name)
		send(logical.CreateOperation, "config/"+id, app(ims, fields{"request_timeout": "1s"}))
		send(logical.CreateOperation, "role/"+id, fields{"app": id})
		send(logical.ReadOperation, "token/"+id, nil)
		ims.Fault(fault)
		send(logical.UpdateOperation, "rotate/"+id, nil)
		ims.Heal()
		send(logical.UpdateOperation, "rotate/"+id, nil)
		send(logical.DeleteOperation, "role/"+id, nil)
		send(logical.DeleteOperation, "config/"+id, nil)
	}
	for _, kind := range []string{
		"config-write", "config-delete", "role-write", "role-delete", "token-mint", "token-rotate", "exchange-fail", "exchange-recover",
	} {
		vaulttest.Wait(t, 10*time.Second, "an event for each "+kind, func() error {
			if strings.Count(recorder.text(), "itwin/"+kind+" ") < len(disclosures()) {
				return errNotYet
			}
			return nil
		})
	}
	require.NotRegexp(t, sightings(), recorder.text())
}
