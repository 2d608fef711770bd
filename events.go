package itwin

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// The types of events, below the engine's name.
const (
	eventConfigWrite     = "config-write"
	eventConfigDelete    = "config-delete"
	eventRoleWrite       = "role-write"
	eventRoleDelete      = "role-delete"
	eventTokenMint       = "token-mint"
	eventTokenRotate     = "token-rotate"
	eventExchangeFail    = "exchange-fail"
	eventExchangeRecover = "exchange-recover"
)

// eventTime bounds one call to Vault's event bus.
const eventTime = 5 * time.Second

// events are on their way to Vault's event bus.
type events struct {
	ctx     context.Context // ends with the mount
	cancel  context.CancelFunc
	sending sync.WaitGroup
	refused sync.Once

	mu    sync.Mutex
	ended bool
}

func newEvents() *events {
	ctx, cancel := context.WithCancel(context.Background())
	return &events{ctx: ctx, cancel: cancel}
}

// event tells those who subscribed, without keeping anyone waiting. The pairs are
// names and values; none is a secret or a token.
func (b *backend) event(kind, dataPath string, pairs ...string) {
	pairs = append([]string{logical.EventMetadataDataPath, dataPath, logical.EventMetadataOperation, kind}, pairs...)
	b.events.send(func(ctx context.Context) {
		err := logical.SendEvent(ctx, b, operationPrefix+"/"+kind, pairs...)
		if err != nil && ctx.Err() == nil {
			b.events.refused.Do(func() { b.log.Debug("this server takes no events", "error", err) })
		}
	})
}

// send calls tell in the background, unless the mount has ended.
func (e *events) send(tell func(ctx context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.sending.Go(func() {
		ctx, cancel := context.WithTimeout(e.ctx, eventTime)
		defer cancel()
		tell(ctx)
	})
}

// stop drops what is on its way and returns when nothing is any more.
func (e *events) stop() {
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	e.cancel()
	e.sending.Wait()
}
