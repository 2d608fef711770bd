// Package itwin is a secrets engine for HashiCorp Vault: it keeps the
// credentials of service apps of the Bentley iTwin Platform and hands out the
// short-lived access tokens that Bentley's identity provider (IMS) mints for them.
//
// A path file translates between Vault and the two packages that do the work:
// internal/ims makes the OAuth 2.0 exchange, internal/tokens owns a token's life.
package itwin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/keyed"
	"vault-plugin-secrets-itwin/internal/memo"
	"vault-plugin-secrets-itwin/internal/outbound"
)

const (
	// pluginName names the engine to IMS, in the User-Agent.
	pluginName = "vault-plugin-secrets-itwin"

	// allowedHostsVariable limits the hosts that any config may name. It is set with
	// -env when the plugin is registered.
	allowedHostsVariable = "ITWIN_ALLOWED_HOSTS"

	// maxChecks is how many exchanges of one app may verify or check at a time. They
	// never take a reader's.
	maxChecks = 2

	// operationPrefix begins the names of operations in OpenAPI documents.
	operationPrefix = "itwin"
)

const backendHelp = `
The iTwin secrets engine hands out access tokens for the Bentley iTwin Platform. Vault
keeps the client id and secret of a service app; a token is minted with the OAuth 2.0
client credentials grant, shared by all its readers and renewed ahead of time.

    $ vault write itwin/config client_id=service-... client_secret=@secret.txt
    $ vault read itwin/token

Tokens have no lease. Each answer's ttl tells in how many seconds a new token is handed
out: read again then.`

// backend is one mount. It owns what was read from storage (apps, roles) and the
// loop that renews tokens; the pools in apps own the tokens.
type backend struct {
	*framework.Backend

	log    hclog.Logger
	now    func() time.Time
	jitter func(most time.Duration) time.Duration

	apps   *memo.Memo[*app]
	roles  *memo.Memo[*role]
	writes *keyed.Limiter // of what is stored, by storage key
	checks *keyed.Limiter // exchanges that verify and check, by app

	// allowedHosts are the hosts that the administrator of the plugin catalog allows.
	allowedHosts outbound.AllowedHosts
	hostsErr     error // why the variable can't be read

	keysLock sync.Mutex
	keySets  map[string]*ims.Keys

	tallies tallies
	metrics *exchangeMetrics
	begun   time.Time
	version string
	events  *events

	renewals  renewals
	sweepLock sync.Mutex
	swept     time.Time
}

// Factory makes a backend that reports no version. It does no I/O and starts
// nothing: Vault also calls it at registration, with neither storage nor system.
func Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	return FactoryOf("")(ctx, conf)
}

// FactoryOf is a Factory whose backends report the version, a SemVer such as
// v1.2.3. Vault refuses a plugin whose version differs from the registered one.
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
		log:      hclog.NewNullLogger(),
		now:      time.Now,
		jitter:   jitter,
		apps:     memo.New[*app](),
		roles:    memo.New[*role](),
		writes:   keyed.New(1),
		checks:   keyed.New(maxChecks),
		keySets:  make(map[string]*ims.Keys),
		metrics:  newExchangeMetrics(),
		events:   newEvents(),
		begun:    time.Now(),
		version:  version,
		renewals: newRenewals(),
	}
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

// jitter is random and needs no seed or secrecy: it spreads load.
func jitter(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return rand.N(most + 1) //nolint:gosec // not a secret
}

// HandleRequest serves a shared token without a call to Vault; the framework
// would ask Vault for its replication state first.
func (b *backend) HandleRequest(ctx context.Context, req *logical.Request) (*logical.Response, error) {
	if resp := b.sharedToken(req); resp != nil {
		return resp, nil
	}
	if err := b.checkFields(req); err != nil {
		return answer(err)
	}
	return b.Backend.HandleRequest(ctx, req)
}

// HandleExistenceCheck leaves fields of a wrong type to HandleRequest: Vault asks
// here first, and the framework's error repeats the value.
func (b *backend) HandleExistenceCheck(ctx context.Context, req *logical.Request) (checked, exists bool, err error) {
	if b.checkFields(req) != nil {
		return false, false, nil //nolint:nilerr // HandleRequest answers it
	}
	return b.Backend.HandleExistenceCheck(ctx, req)
}

// initialize runs at mount, unseal, reload and after a crash of the plugin.
func (b *backend) initialize(context.Context, *logical.InitializationRequest) error {
	b.renewals.start(b.renewTokens)
	return nil
}

// invalidate drops what is in memory of a storage key that another node wrote.
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

// periodic runs about once a minute, on nodes too that may not write.
func (b *backend) periodic(ctx context.Context, req *logical.Request) error {
	if !b.WriteSafeReplicationState() {
		return nil
	}
	return b.sweep(ctx, req.Storage)
}

// clean runs at unmount, reload and seal.
func (b *backend) clean(context.Context) {
	b.renewals.stop()
	for name, a := range b.apps.All() {
		b.forgetApp(name)
		a.pool.Wait()
	}
	b.closeKeys()
	b.events.stop()
}
