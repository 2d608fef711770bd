package itwin

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/helper/useragent"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// endTime limits how long end waits for an app's exchanges.
const endTime = time.Second

// app is a configured service app. It owns its client, keys and pool. It never
// changes, its pause aside: a config write makes a new app, which takes over the pool
// unless the identity or the secret changed.
type app struct {
	name   string
	config *config
	client *ims.Client
	keys   *ims.Keys
	pool   *tokens.Pool

	// pause is what IMS asked of the latest check that it answered with a Retry-After.
	pause atomic.Pointer[pause]
}

// newApp returns an app that can ask IMS but has no pool yet. It does no I/O.
func (b *backend) newApp(ctx context.Context, name string, c *config) (*app, error) {
	reach := b.outboundOptions(ctx, c)
	client, err := ims.NewClient(ims.Options{
		Options:      reach,
		TokenURL:     c.tokenURL(),
		ClientID:     c.ClientID,
		ClientSecret: c.ClientSecret,
		AuthMethod:   c.AuthMethod,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the exchange: %w", err)
	}
	keys, err := ims.NewKeys(ims.KeysOptions{Options: reach, Authority: c.Authority})
	if err != nil {
		return nil, fmt.Errorf("preparing to fetch keys: %w", err)
	}
	return &app{name: name, config: c, client: client, keys: keys}, nil
}

// outboundOptions returns the options for all requests of an app, to any host.
func (b *backend) outboundOptions(ctx context.Context, c *config) outbound.Options {
	return outbound.Options{
		Timeout:       c.RequestTimeout,
		CACert:        c.CACert,
		TLSMinVersion: c.TLSMinVersion,
		UserAgent:     b.userAgent(ctx),
		AllowedHosts:  b.allowedHosts,
		Now:           b.now,
	}
}

// userAgent returns a User-Agent in the SDK's format, or just the plugin's name if
// Vault doesn't report its version.
func (b *backend) userAgent(ctx context.Context) string {
	env, err := b.System().PluginEnv(ctx)
	if err != nil || env == nil {
		return pluginName
	}
	return useragent.PluginString(env, pluginName)
}

// close cancels the app's exchanges and closes its idle connections. An app whose
// config wasn't stored has no pool yet.
func (a *app) close() {
	if a.pool != nil {
		a.pool.Retire()
	}
	a.disconnect()
}

// end closes the app and waits until its exchanges, which it cancels, can no longer
// store a token. It waits no longer than endTime, even if storage hangs: a sweep
// deletes what is stored later.
func (a *app) end(ctx context.Context) {
	a.close()
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	_ = a.pool.Wait(ctx)
}

// disconnect closes the idle connections of an app whose pool is still in use.
func (a *app) disconnect() {
	a.client.Close()
	a.keys.Close()
}

// scopesOf returns the scopes of a role's token.
func (a *app) scopesOf(r *role) scopes.Set {
	if !r.Scopes.IsZero() {
		return r.Scopes
	}
	return a.config.Scopes
}

// app returns the app, read from storage if it isn't in memory.
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
		a, err := b.newApp(ctx, name, c)
		if err != nil {
			return nil, err
		}
		a.pool = tokens.NewPool(b.poolOptions(a, time.Time{}), b.poolSettings(req.Storage, a))
		return a, nil
	}
	a, err := b.apps.Get(ctx, name, read, (*app).close)
	if b.ended.Load() { // nothing else would close the app that was just read
		b.forgetApp(name)
		return nil, errEnded
	}
	return a, err
}

// withApp calls use with the role's app, and again with the new one if the app's
// credentials were replaced in the meantime. No role name means the default app.
func (b *backend) withApp(ctx context.Context, req *logical.Request, roleName string,
	use func(a *app, r *role) (*logical.Response, error),
) (*logical.Response, error) {
	for attempt := 0; ; attempt++ {
		a, r, err := b.resolve(ctx, req, roleName)
		if err != nil {
			return answer(err)
		}
		resp, err := use(a, r)
		if errors.Is(err, tokens.ErrSuperseded) && attempt < 3 {
			b.apps.ForgetIf(a.name, func(known *app) bool { return known == a })
			continue
		}
		if err != nil {
			return answer(err)
		}
		return resp, nil
	}
}

// resolve returns a role and its app. No role name means the default app with its
// own scopes.
func (b *backend) resolve(ctx context.Context, req *logical.Request, roleName string) (*app, *role, error) {
	r, err := b.role(ctx, req, roleName)
	if err != nil {
		return nil, nil, err
	}
	a, err := b.app(ctx, req, r.App)
	if err != nil {
		return nil, nil, err
	}
	if !a.config.allowsRole(roleName) {
		return nil, nil, errRoleNotAllowed(req.MountPoint, roleName, r.App)
	}
	return a, r, nil
}

// putApp makes a, whose config was stored, replace the app that previous configured.
// first, unless nil, becomes the first token of a new generation.
func (b *backend) putApp(ctx context.Context, s logical.Storage, a *app, previous *config, first *tokens.Grant) {
	before, known := b.apps.Peek(a.name)
	settings := b.poolSettings(s, a)
	// Compare with memory, not with storage: an earlier write may have been stored although it failed.
	if known && before.config.Generation == a.config.Generation {
		a.pool = before.pool
		a.pool.Configure(settings)
	} else {
		a.pool = tokens.NewPool(b.poolOptions(a, b.lastRotation(ctx, s, before, previous)), settings)
	}
	begins := previous == nil || previous.Generation != a.config.Generation
	if first != nil && begins {
		_ = a.pool.Adopt(ctx, a.config.Scopes, *first) // only a retired pool refuses
	}
	b.replaceApp(ctx, a)
	if previous != nil && (previous.Generation != a.config.Generation || !a.config.PersistTokens) {
		b.purge(ctx, s, previous.Generation)
	}
}

// lastRotation returns the latest rotation of the app's tokens, including stored ones:
// after a restart, they aren't in memory until they are read.
func (b *backend) lastRotation(ctx context.Context, s logical.Storage, before *app, previous *config) time.Time {
	var last time.Time
	if before != nil {
		last = before.pool.LastRotation()
	}
	if previous == nil {
		return last
	}
	stored, err := storedTokens(ctx, s, previous.Generation)
	if err != nil {
		b.log.Warn("could not read the last rotation: last_vault_rotation of the next token may not be later than the previous one's",
			"error", err)
	}
	for _, t := range stored {
		if t.RotatedAt.After(last) {
			last = t.RotatedAt
		}
	}
	return last
}

// replaceApp keeps a in memory and ends the app it replaces.
func (b *backend) replaceApp(ctx context.Context, a *app) {
	before, ok := b.apps.Swap(a.name, a)
	if !ok {
		return
	}
	if before.pool == a.pool {
		before.disconnect()
		return
	}
	before.end(ctx)
}

// dropApp ends the app and deletes its stored tokens.
func (b *backend) dropApp(ctx context.Context, s logical.Storage, name string, previous *config) {
	if a, ok := b.apps.Forget(name); ok {
		a.end(ctx)
	}
	if previous != nil {
		b.purge(ctx, s, previous.Generation)
	}
	b.tallies.forgetApp(name)
	b.metrics.forget(name)
}

func (b *backend) poolOptions(a *app, rotatedAfter time.Time) tokens.Options {
	return tokens.Options{
		Now:          b.now,
		Jitter:       b.jitter,
		Wake:         b.renewer.Wake,
		Observe:      b.observer(a),
		Tally:        b.tallies.of(a.name),
		RotatedAfter: rotatedAfter,
	}
}

func (b *backend) poolSettings(s logical.Storage, a *app) tokens.Settings {
	settings := tokens.Settings{
		Mint: func(ctx context.Context, scopes scopes.Set) (tokens.Grant, error) {
			begun := time.Now()
			grant, err := a.client.Exchange(ctx, scopes)
			b.metrics.exchanged(a.name, err, time.Since(begun))
			if err != nil {
				return tokens.Grant{}, err
			}
			return granted(grant), nil
		},
		MayMint:     b.mayMint,
		RenewBefore: a.config.RenewBefore,
		Timeout:     a.config.RequestTimeout,
	}
	if a.config.PersistTokens {
		settings.Store = &tokenStore{storage: s, generation: a.config.Generation}
	}
	return settings
}

// mayMint makes Vault forward the request if this node couldn't store a token.
func (b *backend) mayMint() error {
	if b.WriteSafeReplicationState() {
		return nil
	}
	return logical.ErrReadOnly
}

// granted converts a grant between two packages that don't import each other.
func granted(g ims.Grant) tokens.Grant {
	return tokens.Grant{
		AccessToken:   g.AccessToken,
		Type:          g.TokenType,
		Granted:       g.Scope,
		RequestedAt:   g.RequestedAt,
		Lifetime:      g.Lifetime,
		CorrelationID: g.CorrelationID,
		Took:          g.Took,
	}
}
