package itwin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	// tokenPrefix is where minted tokens are stored: token/<generation>/<hash of scopes>.
	tokenPrefix = "token/"

	// tokenFormat is the format of stored tokens. An entry with another format is
	// ignored: a new token is minted.
	tokenFormat = 1

	// sweepInterval is how often storage is searched for expired tokens.
	sweepInterval = 10 * time.Minute
)

// storedToken is the only form in which an access token is serialized.
type storedToken struct {
	Format      int           `json:"format"`
	AccessToken string        `json:"access_token"`
	Type        string        `json:"token_type"`
	Scopes      string        `json:"scope"` // requested
	Granted     string        `json:"granted,omitempty"`
	ObtainedAt  time.Time     `json:"obtained_at"`
	Lifetime    time.Duration `json:"lifetime"`
	RotatedAt   time.Time     `json:"rotated_at"`
}

// scopesKey returns the last part of a token's storage key. Scopes can be long and
// contain slashes, so it is their hash.
func scopesKey(set scopes.Set) string {
	sum := sha256.Sum256([]byte(set.String()))
	return hex.EncodeToString(sum[:])
}

// tokenStore keeps the tokens of one generation of an app. It implements
// tokens.Store.
type tokenStore struct {
	storage    logical.Storage
	generation string
}

func (s *tokenStore) key(set scopes.Set) string {
	return tokenPrefix + s.generation + "/" + scopesKey(set)
}

// Load returns nil for an entry that is damaged or has another format.
func (s *tokenStore) Load(ctx context.Context, set scopes.Set) (*tokens.Token, error) {
	t, err := loadToken(ctx, s.storage, s.key(set))
	if err != nil || t == nil || t.Scopes != set {
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

// storedTokens returns the tokens of a generation by storage key. It leaves out
// entries that are damaged.
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

// Save replaces the token with the same scopes.
func (s *tokenStore) Save(ctx context.Context, t *tokens.Token) error {
	entry, err := logical.StorageEntryJSON(s.key(t.Scopes), storedToken{
		Format:      tokenFormat,
		AccessToken: t.AccessToken.Reveal(),
		Type:        t.Type,
		Scopes:      t.Scopes.String(),
		Granted:     t.Granted.String(),
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
		Scopes:      scopes.Granted(stored.Scopes),
		Granted:     scopes.Granted(stored.Granted),
		ObtainedAt:  stored.ObtainedAt,
		Lifetime:    stored.Lifetime,
		RotatedAt:   stored.RotatedAt,
	}
}

// forgetToken drops from memory a token whose storage entry another node replaced.
func (b *backend) forgetToken(key string) {
	generation, name, _ := strings.Cut(strings.TrimPrefix(key, tokenPrefix), "/")
	for _, a := range b.apps.All() {
		if a.config.Generation == generation {
			a.pool.Forget(func(set scopes.Set) bool { return scopesKey(set) == name })
		}
	}
}

// purge deletes the stored tokens of a generation. If it fails, a later sweep deletes
// them.
func (b *backend) purge(ctx context.Context, s logical.Storage, generation string) {
	prefix := tokenPrefix + generation + "/"
	if err := logical.ClearView(ctx, logical.NewStorageView(s, prefix)); err != nil {
		b.log.Warn("could not delete the stored tokens of an earlier generation: the next sweep will try again",
			"generation", generation, "error", err)
	}
}

// sweeps records a mount's last successful sweep.
type sweeps struct {
	mu   sync.Mutex
	last time.Time
}

func (s *sweeps) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Sub(s.last) >= sweepInterval
}

func (s *sweeps) done(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = now
}

// sweep deletes stored tokens that have expired, or whose generation no config has.
// It only saves space: such tokens are never served.
func (b *backend) sweep(ctx context.Context, s logical.Storage) error {
	if !b.sweeps.due(b.now()) {
		return nil
	}
	if err := b.sweepAll(ctx, s); err != nil {
		return err
	}
	b.sweeps.done(b.now())
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

// currentGenerations returns the generations of all configs that store tokens. A
// config that can't be read ends the sweep, as its tokens may still be needed. A
// damaged config can't be used, so its tokens aren't needed.
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

// sweepGeneration deletes expired tokens, each while no new one is being minted. A
// damaged entry stays until the next token overwrites it.
func (b *backend) sweepGeneration(ctx context.Context, s logical.Storage, generation string) error {
	stored, err := storedTokens(ctx, s, generation)
	if err != nil {
		return err
	}
	for key, t := range stored {
		if !b.expired(t) {
			continue
		}
		if err := b.whileIdle(ctx, generation, t.Scopes, func(ctx context.Context) error { return b.deleteExpired(ctx, s, key) }); err != nil {
			return err
		}
	}
	return nil
}

func (b *backend) deleteExpired(ctx context.Context, s logical.Storage, key string) error {
	t, err := loadToken(ctx, s, key)
	if err != nil || t == nil || !b.expired(t) {
		return err
	}
	if err := s.Delete(ctx, key); err != nil {
		return fmt.Errorf("deleting a stored token: %w", err)
	}
	return nil
}

// expired uses the token's own times. A token of unknown age is kept for its RotatedAt,
// which the next token's must exceed.
func (b *backend) expired(t *tokens.Token) bool { return !b.now().Before(t.ExpiresAt()) }

// whileIdle runs f while no token is being minted for the scopes. If one is, a later
// sweep runs it.
func (b *backend) whileIdle(ctx context.Context, generation string, set scopes.Set, f func(context.Context) error) error {
	for _, a := range b.apps.All() {
		if a.config.Generation != generation {
			continue
		}
		_, err := a.pool.WhileIdle(set, f)
		if errors.Is(err, tokens.ErrSuperseded) {
			return nil
		}
		return err
	}
	return f(ctx)
}
