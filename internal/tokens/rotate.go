package tokens

import (
	"context"

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
		r, late, err := x.wait(ctx, p.settings.Load().Timeout+slack)
		switch {
		case p.retired.Load():
			return Served{}, ErrSuperseded
		case err != nil:
			return Served{}, err
		case late:
			return Served{}, notInTime(x.started, p.opts.Now())
		case r.held != nil:
			s := p.describe(r.held, p.opts.Now())
			s.NotStored = r.notStored
			return s, nil
		case own && r.err != nil:
			return Served{}, r.err
		}
	}
}
