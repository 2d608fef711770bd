package itwin

import (
	"time"

	"vault-plugin-secrets-itwin/internal/tokens"
)

// observer writes one line for what happens to an app's tokens.
func (b *backend) observer(a *app) func(tokens.Event) {
	log := b.log.With("config", configKey(a.name), "generation", a.config.Generation)
	return func(e tokens.Event) {
		switch e.Kind {
		case tokens.Minted:
			log.Info("token minted", "scope", e.Scope, "token_id", e.Token.ID, "expires_at", timestamp(e.Token.ExpiresAt()),
				"correlation_id", e.Grant.CorrelationID, "took", e.Grant.Took.Round(time.Millisecond).String())
			if e.Failure != nil {
				log.Info("IMS works again", "scope", e.Scope, "failed_since", timestamp(e.Failure.Since),
					"attempts", e.Failure.Attempts, "after", b.now().Sub(e.Failure.Since).Round(time.Second).String())
			}
		case tokens.MintFailed:
			log.Warn("minting a token failed", "scope", e.Scope, "error", e.Failure.Err,
				"attempts", e.Failure.Attempts, "next_attempt", timestamp(ceilSecond(e.Failure.NextAttempt)))
		case tokens.Loaded:
			log.Debug("token loaded from storage", "scope", e.Scope, "token_id", e.Token.ID)
		case tokens.StoreFailed:
			log.Warn("the token storage failed: the token is kept in memory alone", "scope", e.Scope, "error", e.Err)
		}
	}
}
