package tokens

import (
	"context"

	"vault-plugin-secrets-itwin/internal/scopes"
)

// Store keeps the tokens of one generation of an app. Its methods end when ctx
// ends.
type Store interface {
	// Load returns nil and no error if no token is stored.
	Load(ctx context.Context, set scopes.Set) (*Token, error)
	// Save replaces the token for the same scopes.
	Save(ctx context.Context, token *Token) error
}

// load asks the store, again if another node replaced the token meanwhile. It takes
// at most half of the time that ctx leaves, so that the rest is for minting.
func (p *Pool) load(ctx context.Context, e *entry, settings *Settings) {
	if settings.Store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, min(storageTime, settings.Timeout/2))
	defer cancel()
	for kept := false; !kept; {
		_, forgets := e.isLoaded()
		t, err := settings.Store.Load(ctx, e.scopes)
		if err != nil {
			e.notLoaded(forgets)
			p.observe(Event{Kind: NotLoaded, Scopes: e.scopes, Err: err})
			return
		}
		var installed bool
		if kept, installed = e.keep(t, p.opts.Now(), forgets); installed {
			p.observe(Event{Kind: Loaded, Scopes: e.scopes, Token: t})
		}
	}
}

// save stores a token, by the current settings: since the exchange began they may
// say that tokens aren't stored.
func (p *Pool) save(ctx context.Context, t *Token) error {
	store := p.settings.Load().Store
	if store == nil {
		return nil
	}
	err := store.Save(ctx, t)
	if err != nil {
		p.observe(Event{Kind: NotStored, Scopes: t.Scopes, Token: t, Err: err})
	}
	return err
}

// saveAgain stores the shared token once more when nothing else does, because an
// exchange that lost its place may have stored its own token over it.
func (p *Pool) saveAgain(e *entry) {
	for {
		ran, err := p.WhileIdle(e.scopes, func(ctx context.Context) error {
			if h := e.held.Load(); h != nil {
				return p.save(ctx, h.Token)
			}
			return nil
		})
		if ran || err != nil {
			return
		}
		if other := e.underWay(); other != nil {
			<-other.done
		}
	}
}
