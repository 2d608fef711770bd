package itwin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/tokens"
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

// observer tells of what happens to an app's tokens: a line in the log, and an
// event for those who subscribed.
func (b *backend) observer(a *app) func(tokens.Event) {
	path := configKey(a.name)
	log := b.log.With("config", path, "generation", a.config.Generation)
	return func(e tokens.Event) {
		switch e.Kind {
		case tokens.Minted:
			log.Info("token minted", "scope", e.Scope, "token_id", e.Token.ID, "expires_at", timestamp(e.Token.ExpiresAt()),
				"correlation_id", e.Grant.CorrelationID, "took", e.Grant.Took.Round(time.Millisecond).String())
			b.event(eventTokenMint, path, keyScope, e.Scope, keyTokenID, e.Token.ID, keyExpiresAt, timestamp(e.Token.ExpiresAt()))
			b.recovered(log, path, e)
		case tokens.MintFailed:
			next := timestampOfDue(e.Failure.NextAttempt)
			log.Warn("minting a token failed", "scope", e.Scope, "error", e.Failure.Err, "correlation_id", correlationID(e.Failure),
				"failing_since", timestamp(e.Failure.Since), "attempts", e.Failure.Attempts, "next_attempt", next)
			b.event(eventExchangeFail, path, keyScope, e.Scope, keyError, e.Failure.Err.Error(), keyNextAttempt, next)
		case tokens.Loaded:
			log.Debug("token loaded from storage", "scope", e.Scope, "token_id", e.Token.ID)
		case tokens.StoreFailed:
			log.Warn("the token storage failed: the token is kept in memory alone", "scope", e.Scope, "error", e.Err)
		}
	}
}

// correlationID is that of the exchange that failed, empty where there was none.
func correlationID(err error) string {
	if e, ok := errors.AsType[*ims.Error](err); ok {
		return e.CorrelationID
	}
	return ""
}

func (b *backend) recovered(log hclog.Logger, path string, e tokens.Event) {
	if e.Failure == nil {
		return
	}
	since := timestamp(e.Failure.Since)
	log.Info("IMS works again", "scope", e.Scope, "failed_since", since,
		"attempts", e.Failure.Attempts, "after", b.now().Sub(e.Failure.Since).Round(time.Second).String())
	b.event(eventExchangeRecover, path, keyScope, e.Scope, "failed_since", since)
}
