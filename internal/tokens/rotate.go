package tokens

import (
	"context"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
)

// Rotate mints a token now, even before the retry time, and makes it the shared one.
// If minting fails the previous one stays. It waits for an exchange under way and
// for its own, each for Settings.Timeout at most. Errors are a *Failure, a
// *TooManyRotationsError, what MayMint returns, the context's, or ErrSuperseded.
func (p *Pool) Rotate(ctx context.Context, set scopes.Set) (Served, error) {
	for {
		x, own, err := p.join(set, goal{anew: true})
		if err != nil {
			return Served{}, err
		}
		r, err := p.outcome(ctx, x)
		switch {
		case p.retired.Load():
			return Served{}, ErrSuperseded
		case r.held != nil:
			s := p.describe(r.held, p.opts.Now())
			s.NotStored = r.notStored
			return s, nil
		case own && r.err != nil:
			return Served{}, r.err
		case err != nil:
			return Served{}, err
		}
	}
}

// outcome waits for the end of x, or until it has lost its place.
func (p *Pool) outcome(ctx context.Context, x *exchange) (result, error) {
	limit := time.NewTimer(p.settings.Load().Timeout + slack)
	defer limit.Stop()
	select {
	case <-ctx.Done():
		return result{}, ctx.Err()
	case <-x.ctx.Done():
	case <-x.done:
	case <-limit.C:
		now := p.opts.Now()
		return result{}, &Failure{Err: ErrNoToken, Since: x.started, NextAttempt: now.Add(minRetry), Attempts: 1}
	}
	select {
	case <-x.done:
		return x.result, nil
	default:
		return result{}, nil
	}
}
