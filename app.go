package itwin

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/helper/useragent"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// app is a configured service app at work. It never changes; a config write
// makes another, which keeps the pool unless the identity or the secret changed.
type app struct {
	name   string
	config *config
	client *ims.Client
	pool   *tokens.Pool
}

func (b *backend) newClient(ctx context.Context, c *config) (*ims.Client, error) {
	client, err := ims.NewClient(ims.Options{
		TokenURL:       c.tokenURL(),
		ClientID:       c.ClientID,
		ClientSecret:   c.ClientSecret,
		AuthMethod:     c.AuthMethod,
		RequestTimeout: c.RequestTimeout,
		CACert:         c.CACert,
		TLSMinVersion:  c.TLSMinVersion,
		UserAgent:      b.userAgent(ctx),
		Now:            b.now,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the exchange: %w", err)
	}
	return client, nil
}

// userAgent follows the SDK's convention; a Vault that doesn't tell its version
// leaves the engine's name alone.
func (b *backend) userAgent(ctx context.Context) string {
	env, err := b.System().PluginEnv(ctx)
	if err != nil || env == nil {
		return pluginName
	}
	return useragent.PluginString(env, pluginName)
}

// app returns the app, read from storage where it isn't in memory.
func (b *backend) app(ctx context.Context, req *logical.Request, name string) (*app, error) {
	read := func(ctx context.Context) (*app, error) {
		c, err := loadConfig(ctx, req.Storage, name)
		switch {
		case err != nil:
			return nil, err
		case c == nil:
			return nil, errNoApp(req.MountPoint, name)
		}
		if err := b.checkHosts(c); err != nil {
			return nil, err
		}
		client, err := b.newClient(ctx, c)
		if err != nil {
			return nil, err
		}
		a := &app{name: name, config: c, client: client}
		a.pool = tokens.NewPool(b.poolOptions(a, time.Time{}), b.poolSettings(req.Storage, a))
		return a, nil
	}
	return b.apps.Get(ctx, name, read, (*app).close)
}

func describeApp(name string) string {
	if name == "" {
		return "the default app"
	}
	return fmt.Sprintf("app %q", name)
}

func errNoApp(mount, name string) error {
	return errInput("%s isn't configured: run `vault write %s%s client_id=… client_secret=…` with the credentials of a service app",
		describeApp(name), mount, configKey(name))
}

// putApp makes a the app in force, in place of one configured as old, with first
// as its first token.
func (b *backend) putApp(ctx context.Context, s logical.Storage, a *app, old *config, first *tokens.Grant) {
	before, known := b.apps.Peek(a.name)
	settings := b.poolSettings(s, a)
	// Of before, not of old: what is in storage may be newer, as a write can fail after it was done.
	if known && before.config.Generation == a.config.Generation {
		a.pool = before.pool
		a.pool.Configure(settings)
	} else {
		a.pool = tokens.NewPool(b.poolOptions(a, b.lastRotation(ctx, s, before, old)), settings)
	}
	begins := old == nil || old.Generation != a.config.Generation
	if first != nil && begins {
		_ = a.pool.Adopt(a.config.Scopes.String(), *first) // only a retired pool refuses
	}
	b.replaceApp(a)
	if old != nil && (old.Generation != a.config.Generation || !a.config.PersistTokens) {
		b.purge(ctx, s, old.Generation)
	}
}

// lastRotation is that of the tokens which a new pool's follow. Those in storage
// count as well: after a restart they aren't in memory until somebody reads them.
func (b *backend) lastRotation(ctx context.Context, s logical.Storage, before *app, old *config) time.Time {
	var last time.Time
	if before != nil {
		last = before.pool.LastRotation()
	}
	if old == nil {
		return last
	}
	stored, err := storedTokens(ctx, s, old.Generation)
	if err != nil {
		b.log.Warn("looking for the last rotation: that of the next token may not be later", "error", err)
	}
	for _, t := range stored {
		if t.RotatedAt.After(last) {
			last = t.RotatedAt
		}
	}
	return last
}

// replaceApp puts a in the place of whatever is in memory, which may have been
// read from storage only now.
func (b *backend) replaceApp(a *app) {
	before, ok := b.apps.Swap(a.name, a)
	if !ok {
		return
	}
	before.client.Close()
	if before.pool != a.pool {
		before.pool.Retire()
		before.pool.Wait()
	}
}

// dropApp ends the app and deletes its stored tokens.
func (b *backend) dropApp(ctx context.Context, s logical.Storage, name string, old *config) {
	if a, ok := b.apps.Forget(name); ok {
		a.close()
		a.pool.Wait()
	}
	if old != nil {
		b.purge(ctx, s, old.Generation)
	}
	b.tallies.forgetApp(name)
	b.metrics.forget(name)
}

// forgetApp drops the app from memory; the next reader reads it from storage.
func (b *backend) forgetApp(name string) {
	if a, ok := b.apps.Forget(name); ok {
		a.close()
	}
}

func (a *app) close() {
	a.pool.Retire()
	a.client.Close()
}

func (b *backend) poolOptions(a *app, rotatedAfter time.Time) tokens.Options {
	return tokens.Options{
		Now:          b.now,
		Jitter:       b.jitter,
		Wake:         b.renewals.wake,
		Observe:      b.observer(a),
		Tally:        b.tallies.of(a.name),
		RotatedAfter: rotatedAfter,
	}
}

func (b *backend) poolSettings(s logical.Storage, a *app) tokens.Settings {
	settings := tokens.Settings{
		Mint: func(ctx context.Context, scope string) (tokens.Grant, error) {
			begun := time.Now()
			grant, err := a.client.Exchange(ctx, scope)
			b.metrics.exchanged(a.name, err, time.Since(begun))
			if err != nil {
				return tokens.Grant{}, err
			}
			return granted(grant), nil
		},
		MayMint:     b.mayMint,
		RenewBefore: a.config.RenewBefore,
	}
	if a.config.PersistTokens {
		settings.Store = &tokenStore{storage: s, generation: a.config.Generation}
	}
	return settings
}

// mayMint lets Vault forward the request where a minted token couldn't be stored.
func (b *backend) mayMint() error {
	if b.WriteSafeReplicationState() {
		return nil
	}
	return logical.ErrReadOnly
}

// granted is what IMS gave, for those who know nothing of IMS.
func granted(g ims.Grant) tokens.Grant {
	return tokens.Grant{
		AccessToken:   g.AccessToken,
		Type:          g.TokenType,
		RequestedAt:   g.RequestedAt,
		Lifetime:      g.Lifetime,
		CorrelationID: g.CorrelationID,
		Took:          g.Took,
	}
}

// renewTokens starts the renewals that are due, of all apps, and returns how long
// until the next is.
func (b *backend) renewTokens() time.Duration {
	next := time.Hour
	for _, a := range b.apps.All() {
		next = min(next, a.pool.Renew())
	}
	return next
}
