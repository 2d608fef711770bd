package itwin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	// tokenPrefix is where minted tokens are stored: token/<generation>/<scopes>.
	tokenPrefix = "token/"

	// tokenFormat is the format of stored tokens. An entry of another format is as
	// good as none: the token is minted anew.
	tokenFormat = 1

	// sweepInterval is how often storage is searched for tokens that are over.
	sweepInterval = 10 * time.Minute
)

// storedToken is the one form in which an access token is written out.
type storedToken struct {
	Format      int           `json:"format"`
	AccessToken string        `json:"access_token"`
	Type        string        `json:"token_type"`
	Scope       string        `json:"scope"`
	ObtainedAt  time.Time     `json:"obtained_at"`
	Lifetime    time.Duration `json:"lifetime"`
	RotatedAt   time.Time     `json:"rotated_at"`
}

// scopeName is the last part of a token's storage key. Scopes may hold slashes
// and be long; their hash is neither.
func scopeName(scope string) string {
	sum := sha256.Sum256([]byte(scope))
	return hex.EncodeToString(sum[:])
}

// tokenStore keeps the tokens of one generation of an app. It implements
// tokens.Store.
type tokenStore struct {
	storage    logical.Storage
	generation string
}

func (s *tokenStore) key(scope string) string {
	return tokenPrefix + s.generation + "/" + scopeName(scope)
}

// Load returns nil for an entry that is damaged or of another format.
func (s *tokenStore) Load(ctx context.Context, scope string) (*tokens.Token, error) {
	t, err := loadToken(ctx, s.storage, s.key(scope))
	if err != nil || t == nil || t.Scope != scope {
		return nil, err
	}
	return t, nil
}

func loadToken(ctx context.Context, s logical.Storage, key string) (*tokens.Token, error) {
	entry, err := s.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("reading a stored token: %w", err)
	}
	return decodeToken(entry), nil
}

// storedTokens are those of a generation that can be read, by their keys.
func storedTokens(ctx context.Context, s logical.Storage, generation string) (map[string]*tokens.Token, error) {
	prefix := tokenPrefix + generation + "/"
	names, err := s.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("listing stored tokens: %w", err)
	}
	stored := make(map[string]*tokens.Token, len(names))
	for _, name := range names {
		t, err := loadToken(ctx, s, prefix+name)
		if err != nil {
			return nil, err
		}
		if t != nil {
			stored[prefix+name] = t
		}
	}
	return stored, nil
}

// Save replaces the token of the same scopes.
func (s *tokenStore) Save(ctx context.Context, t *tokens.Token) error {
	entry, err := logical.StorageEntryJSON(s.key(t.Scope), storedToken{
		Format:      tokenFormat,
		AccessToken: t.AccessToken.Reveal(),
		Type:        t.Type,
		Scope:       t.Scope,
		ObtainedAt:  t.ObtainedAt.UTC(),
		Lifetime:    t.Lifetime,
		RotatedAt:   t.RotatedAt,
	})
	if err != nil {
		return fmt.Errorf("encoding a token: %w", err)
	}
	entry.SealWrap = true
	if err := s.storage.Put(ctx, entry); err != nil {
		return fmt.Errorf("storing a token: %w", err)
	}
	return nil
}

func decodeToken(entry *logical.StorageEntry) *tokens.Token {
	var stored storedToken
	if entry == nil || entry.DecodeJSON(&stored) != nil {
		return nil
	}
	if stored.Format != tokenFormat || stored.AccessToken == "" || stored.Lifetime <= 0 || stored.ObtainedAt.IsZero() {
		return nil
	}
	token := secret.New(stored.AccessToken)
	return &tokens.Token{
		AccessToken: token,
		ID:          tokens.ID(token),
		Type:        stored.Type,
		Scope:       stored.Scope,
		ObtainedAt:  stored.ObtainedAt,
		Lifetime:    stored.Lifetime,
		RotatedAt:   stored.RotatedAt,
	}
}

// forgetToken drops a token from memory whose stored entry another node replaced.
func (b *backend) forgetToken(key string) {
	generation, name, _ := strings.Cut(strings.TrimPrefix(key, tokenPrefix), "/")
	for _, a := range b.apps.All() {
		if a.config.Generation == generation {
			a.pool.Forget(func(scope string) bool { return scopeName(scope) == name })
		}
	}
}

// purge deletes the stored tokens of a generation. What it can't delete now, a
// sweep deletes later.
func (b *backend) purge(ctx context.Context, s logical.Storage, generation string) {
	prefix := tokenPrefix + generation + "/"
	if err := logical.ClearView(ctx, logical.NewStorageView(s, prefix)); err != nil {
		b.log.Warn("deleting the stored tokens of an old generation: left for the next sweep", "generation", generation, "error", err)
	}
}

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
	for _, a := range b.apps.All() {
		if a.config.Generation == generation {
			return a.pool.Alone(scope, f)
		}
	}
	return f()
}
