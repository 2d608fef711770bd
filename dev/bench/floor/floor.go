// Package floor is a secrets engine that does nothing but answer: the least that any plugin can cost in a Vault. What
// another plugin needs beyond it is that plugin's own.
package floor

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// Version is what the engine is registered and runs as.
const Version = "v1.0.0"

type backend struct {
	*framework.Backend

	answer atomic.Pointer[map[string]any]
}

// Factory makes an engine whose every read, at whatever path, returns what was last written to it, so that its answers
// can be as large as those it is compared with. It keeps them in memory alone.
func Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b := &backend{Backend: &framework.Backend{BackendType: logical.TypeLogical, RunningVersion: Version}}
	b.answer.Store(&map[string]any{})
	if err := b.Setup(ctx, conf); err != nil {
		return nil, fmt.Errorf("setting up the floor: %w", err)
	}
	return b, nil
}

// HandleRequest stays below the framework, which asks Vault for its replication state on every request.
func (b *backend) HandleRequest(_ context.Context, req *logical.Request) (*logical.Response, error) {
	switch req.Operation {
	case logical.ReadOperation:
		return &logical.Response{Data: *b.answer.Load()}, nil
	case logical.UpdateOperation:
		b.answer.Store(&req.Data)
		return nil, nil
	default: // Vault asks for a rollback every minute
		return nil, logical.ErrUnsupportedOperation
	}
}
