// Package itwin is a secrets engine for HashiCorp Vault. It keeps the credentials
// of service apps of the Bentley iTwin Platform and hands out the short-lived
// access tokens that Bentley's identity provider (IMS) mints for them.
//
// A file path_X.go speaks Vault: the path, its fields, its help and its handlers.
// The file X.go beside it does the work and calls the internal packages:
// internal/tokens owns a token's life, internal/ims the OAuth 2.0 exchange and the
// keys of IMS, internal/platform the requests to the iTwin Platform. The function
// answer alone turns errors into Vault's responses.
package itwin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/keyed"
	"vault-plugin-secrets-itwin/internal/memo"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	// pluginName is sent to IMS in the User-Agent.
	pluginName = "vault-plugin-secrets-itwin"

	// allowedHostsVariable limits the hosts that any config may name. It is set with
	// -env when the plugin is registered.
	allowedHostsVariable = "ITWIN_ALLOWED_HOSTS"

	// operationPrefix begins the names of operations in OpenAPI documents, and of events.
	operationPrefix = "itwin"
)

const backendHelp = `
The iTwin secrets engine hands out access tokens for the Bentley iTwin Platform. Vault
keeps the client id and secret of a service app. A token is minted with the OAuth 2.0
client credentials grant, shared by all its readers, and renewed before it expires.

    $ vault write itwin/config client_id=service-... client_secret=@secret.txt
    $ vault read itwin/token

Tokens have no lease. ttl in each response is the number of seconds until a new token is
available: read again then.`

// backend is one mount. It owns the values cached from storage, the renewal loop, the
// counts and the events; an app owns its connections, keys and tokens.
type backend struct {
	*framework.Backend

	log     hclog.Logger
	now     func() time.Time
	jitter  func(most time.Duration) time.Duration
	begun   time.Time
	version string

	apps   *memo.Memo[*app]
	roles  *memo.Memo[*role]
	writes *keyed.Limiter // serializes writes, by storage key

	// Limits by app, separate so that a flood of checks can't keep an operator from
	// replacing a secret.
	checks, verifications *keyed.Limiter

	// allowedHosts are the hosts that the administrator of the plugin catalog allows.
	allowedHosts outbound.AllowedHosts
	hostsErr     error // from parsing the variable

	ended atomic.Bool // set by clean: requests that are still running start nothing new

	renewer *tokens.Renewer
	sweeps  sweeps
	tallies tallies
	metrics *exchangeMetrics
	events  *events
}

// Factory returns a backend that reports no version. It does no I/O and starts
// nothing: Vault also calls it at registration, without storage or a system view.
func Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	return FactoryOf("")(ctx, conf)
}

// FactoryOf returns a Factory whose backends report version, a SemVer such as
// v1.2.3. Vault refuses a plugin whose version isn't the registered one.
func FactoryOf(version string) logical.Factory {
	return func(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
		if conf == nil {
			return nil, fmt.Errorf("setting up %s: no configuration was passed to the factory", pluginName)
		}
		b := newBackend(version)
		if conf.Logger != nil {
			b.log = conf.Logger
		}
		if err := b.Setup(ctx, conf); err != nil {
			return nil, fmt.Errorf("setting up %s: %w", pluginName, err)
		}
		return b, nil
	}
}

func newBackend(version string) *backend {
	b := &backend{
		log:     hclog.NewNullLogger(),
		now:     time.Now,
		jitter:  jitter,
		begun:   time.Now(),
		version: version,
		apps:    memo.New[*app](),
		roles:   memo.New[*role](),
		writes:  keyed.New(1),
		checks:  keyed.New(maxChecks),
		metrics: newExchangeMetrics(),
		events:  newEvents(),
	}
	b.verifications = keyed.New(maxVerifications)
	b.renewer = tokens.NewRenewer(b.pools)
	b.allowedHosts, b.hostsErr = outbound.ParseAllowedHosts(os.Getenv(allowedHostsVariable))
	b.Backend = &framework.Backend{
		BackendType:    logical.TypeLogical,
		Help:           strings.TrimSpace(backendHelp),
		RunningVersion: version,
		Paths: framework.PathAppend(
			b.pathsConfig(),
			b.pathsRole(),
			b.pathsToken(),
			b.pathsRotate(),
			b.pathsCheck(),
			b.pathsIntrospect(),
			b.pathsStatus(),
			b.pathsMetrics(),
		),
		PathsSpecial: &logical.Paths{
			// A pattern is exact unless it ends in a slash.
			SealWrapStorage: []string{configStorageKey, configPrefix, rolePrefix, tokenPrefix},
		},
		InitializeFunc: b.initialize,
		PeriodicFunc:   b.periodic,
		Invalidate:     b.invalidate,
		Clean:          b.clean,
	}
	return b
}

// jitter spreads load, so it need not be unpredictable.
func jitter(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return rand.N(most + 1) //nolint:gosec // not a secret
}

// HandleRequest serves a shared token without a call to Vault. The framework would
// ask Vault for its replication state first.
func (b *backend) HandleRequest(ctx context.Context, req *logical.Request) (*logical.Response, error) {
	if resp := b.sharedToken(req); resp != nil {
		return resp, nil
	}
	if err := b.checkFields(req); err != nil {
		return answer(err)
	}
	return b.Backend.HandleRequest(ctx, req)
}

// HandleExistenceCheck leaves it to HandleRequest, which Vault calls next, to
// refuse a field: the framework's error here would quote the value.
func (b *backend) HandleExistenceCheck(ctx context.Context, req *logical.Request) (checked, exists bool, err error) {
	if b.checkFields(req) != nil {
		return false, false, nil //nolint:nilerr // HandleRequest answers it
	}
	return b.Backend.HandleExistenceCheck(ctx, req)
}

// initialize runs at mount, unseal, reload and after a crash of the plugin.
func (b *backend) initialize(context.Context, *logical.InitializationRequest) error {
	b.ended.Store(false)
	b.renewer.Start()
	return nil
}

// invalidate drops cached values that another node has replaced in storage.
func (b *backend) invalidate(_ context.Context, key string) {
	switch {
	case key == configStorageKey:
		b.forgetApp("")
	case strings.HasPrefix(key, configPrefix):
		b.forgetApp(strings.TrimPrefix(key, configPrefix))
	case strings.HasPrefix(key, rolePrefix):
		b.roles.Forget(strings.TrimPrefix(key, rolePrefix))
	case strings.HasPrefix(key, tokenPrefix):
		b.forgetToken(key)
	}
}

// forgetApp drops the app from memory. The next reader reads it from storage.
func (b *backend) forgetApp(name string) {
	if a, ok := b.apps.Forget(name); ok {
		a.close()
	}
}

// periodic runs about once a minute, also on nodes that can't write.
func (b *backend) periodic(ctx context.Context, req *logical.Request) error {
	if !b.WriteSafeReplicationState() {
		return nil
	}
	return b.sweep(ctx, req.Storage)
}

// clean runs at unmount, reload and seal.
func (b *backend) clean(ctx context.Context) {
	b.ended.Store(true)
	b.renewer.Stop()
	for name := range b.apps.All() {
		if a, ok := b.apps.Forget(name); ok {
			a.end(ctx)
		}
	}
	b.events.stop()
}

// pools returns the pools that the renewer maintains.
func (b *backend) pools() []*tokens.Pool {
	var pools []*tokens.Pool
	for _, a := range b.apps.All() {
		pools = append(pools, a.pool)
	}
	return pools
}
