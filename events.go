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

// The types of events, after the prefix itwin/.
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

// eventTime limits one call to Vault's event bus.
const eventTime = 5 * time.Second

// events sends to Vault's event bus in the background, until the mount ends.
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

// event sends an event without waiting for it. pairs alternates names and values, and
// must not include a secret or a token.
func (b *backend) event(kind, dataPath string, pairs ...string) {
	pairs = append([]string{logical.EventMetadataDataPath, dataPath, logical.EventMetadataOperation, kind}, pairs...)
	b.events.send(func(ctx context.Context) {
		err := logical.SendEvent(ctx, b, operationPrefix+"/"+kind, pairs...)
		if err != nil && ctx.Err() == nil {
			b.events.refused.Do(func() { b.log.Debug("this server doesn't accept events", "error", err) })
		}
	})
}

// send calls deliver in the background, unless the mount has ended.
func (e *events) send(deliver func(ctx context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.sending.Go(func() {
		ctx, cancel := context.WithTimeout(e.ctx, eventTime)
		defer cancel()
		deliver(ctx)
	})
}

// stop cancels the events that are being sent and waits for them to end.
func (e *events) stop() {
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	e.cancel()
	e.sending.Wait()
}

// observer returns a function that logs what happens to an app's tokens, and sends
// events about it.
func (b *backend) observer(a *app) func(tokens.Event) {
	path := configKey(a.name)
	log := b.log.With("config", path, "generation", a.config.Generation)
	return func(e tokens.Event) {
		log := log.With("scopes", e.Scopes)
		switch e.Kind {
		case tokens.Minted:
			expires := timestamp(e.Token.ExpiresAt())
			log.Info("token minted", "token_id", e.Token.ID, "expires_at", expires, "granted", e.Token.Granted,
				"correlation_id", e.Grant.CorrelationID, "took", e.Grant.Took.Round(time.Millisecond).String())
			b.event(eventTokenMint, path, keyScope, e.Scopes.String(), keyTokenID, e.Token.ID, keyExpiresAt, expires)
			b.recovered(log, path, e)
		case tokens.Repeated:
			log.Info("IMS returned the same token again", "token_id", e.Token.ID, "correlation_id", e.Grant.CorrelationID)
			b.recovered(log, path, e)
		case tokens.MintFailed:
			next := timestampOfDue(e.Failure.NextAttempt)
			log.Warn("could not mint a token", "error", e.Failure.Err, "correlation_id", correlationID(e.Failure),
				"failing_since", timestamp(e.Failure.Since), "attempts", e.Failure.Attempts, "next_attempt", next)
			b.event(eventExchangeFail, path, keyScope, e.Scopes.String(), keyError, e.Failure.Err.Error(), keyNextAttempt, next)
		case tokens.Loaded:
			log.Debug("token loaded from storage", "token_id", e.Token.ID)
		case tokens.NotLoaded:
			log.Warn("could not load the token from storage", "error", e.Err)
		case tokens.NotStored:
			log.Warn("could not store the token: it is kept in memory only", "token_id", e.Token.ID, "error", e.Err)
		}
	}
}

// correlationID returns the id of the exchange that failed, or an empty string.
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
	log.Info("IMS has recovered", "failed_since", since,
		"attempts", e.Failure.Attempts, "after", b.now().Sub(e.Failure.Since).Round(time.Second).String())
	b.event(eventExchangeRecover, path, keyScope, e.Scopes.String(), "failed_since", since)
}
