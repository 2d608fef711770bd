package itwin

import (
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/tokens"
)

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
