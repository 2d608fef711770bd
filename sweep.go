package itwin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// sweep deletes stored tokens that are over, damaged, or of a generation that no
// config has any more. It works now and then: nothing depends on it but tidiness.
func (b *backend) sweep(ctx context.Context, s logical.Storage) error {
	if !b.sweepDue() {
		return nil
	}
	if err := b.sweepAll(ctx, s); err != nil {
		return err
	}
	b.sweepDone()
	return nil
}

func (b *backend) sweepAll(ctx context.Context, s logical.Storage) error {
	generations, err := s.List(ctx, tokenPrefix)
	if err != nil {
		return fmt.Errorf("listing stored tokens: %w", err)
	}
	if len(generations) == 0 {
		return nil
	}
	current, err := b.currentGenerations(ctx, s)
	if err != nil {
		return err
	}
	for _, dir := range generations {
		generation := strings.TrimSuffix(dir, "/")
		if !current[generation] {
			b.purge(ctx, s, generation)
			continue
		}
		if err := b.sweepGeneration(ctx, s, generation); err != nil {
			return err
		}
	}
	return nil
}

func (b *backend) sweepDue() bool {
	b.sweepLock.Lock()
	defer b.sweepLock.Unlock()
	return b.now().Sub(b.swept) >= sweepInterval
}

func (b *backend) sweepDone() {
	b.sweepLock.Lock()
	defer b.sweepLock.Unlock()
	b.swept = b.now()
}

// currentGenerations are those of all configs that store tokens. A config that
// can't be read stops the sweep, as its tokens may be wanted; a damaged one is
// read by nobody, so its tokens aren't.
func (b *backend) currentGenerations(ctx context.Context, s logical.Storage) (map[string]bool, error) {
	names, err := s.List(ctx, configPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing configs: %w", err)
	}
	current := make(map[string]bool)
	for _, name := range append(names, "") {
		c, err := loadConfig(ctx, s, name)
		switch {
		case errors.Is(err, errDamagedConfig):
		case err != nil:
			return nil, err
		case c != nil && c.PersistTokens:
			current[c.Generation] = true
		}
	}
	return current, nil
}

// sweepGeneration deletes a token that is over while no other is minted in its
// place. A damaged entry stays until the next token overwrites it.
func (b *backend) sweepGeneration(ctx context.Context, s logical.Storage, generation string) error {
	stored, err := storedTokens(ctx, s, generation)
	if err != nil {
		return err
	}
	for key, t := range stored {
		if t.Left(b.now()) > 0 {
			continue
		}
		if err := b.alone(generation, t.Scope, func() error { return b.deleteExpired(ctx, s, key) }); err != nil {
			return err
		}
	}
	return nil
}

func (b *backend) deleteExpired(ctx context.Context, s logical.Storage, key string) error {
	t, err := loadToken(ctx, s, key)
	if err != nil || t == nil || t.Left(b.now()) > 0 {
		return err
	}
	if err := s.Delete(ctx, key); err != nil {
		return fmt.Errorf("deleting a stored token: %w", err)
	}
	return nil
}

// alone runs f while no token of the scopes is minted.
func (b *backend) alone(generation, scope string, f func() error) error {
	for _, a := range b.apps.all() {
		if a.config.Generation == generation {
			return a.pool.Alone(scope, f)
		}
	}
	return f()
}
