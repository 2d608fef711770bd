package itwin

import (
	"context"
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

// event tells those who subscribed, without keeping anyone waiting. The pairs are
// names and values; none is a secret or a token.
func (b *backend) event(kind, dataPath string, pairs ...string) {
	pairs = append([]string{logical.EventMetadataDataPath, dataPath, logical.EventMetadataOperation, kind}, pairs...)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), eventTime)
		defer cancel()
		if err := logical.SendEvent(ctx, b, operationPrefix+"/"+kind, pairs...); err != nil {
			b.noEvent.Do(func() { b.log.Debug("this server takes no events", "error", err) })
		}
	}()
}
