// Package emulator stands in for Bentley's identity provider (IMS) and for the few iTwin Platform endpoints that the
// plugin and Bentley's own clients call in tests, on one loopback listener, so that tests and demos need neither an
// account nor a network.
//
// It owns the behavior seen from outside: OAuth 2.0 client credentials (RFC 6749 section 4.4), discovery, signing
// keys, introspection, the Platform's answers, and faults on demand. It knows nothing of Vault and nothing of the
// plugin. It holds client secrets in clear: never give it a real one.
package emulator

import (
	"fmt"
	"net/http"
	"time"
)

const (
	defaultAddr     = "127.0.0.1:0"
	defaultLifetime = time.Hour
)

// Options says how an Emulator starts. The zero value is usable, but knows no app.
type Options struct {
	// Addr is the host and port to listen on; by default a free port of 127.0.0.1.
	Addr string
	// Lifetime is how long a token lives, in whole seconds; one hour by default.
	Lifetime time.Duration
	// Apps are the service apps known from the start.
	Apps []App
	// TLS serves https with a certificate of the emulator's own authority, which CACert returns.
	TLS bool
	// Now is the clock of tokens and of the journal; time.Now by default. Fault.Delay is always real time.
	Now func() time.Time
}

// Emulator is a running IMS and Platform. All its methods may be called concurrently.
type Emulator struct {
	now      func() time.Time
	registry *registry
	keys     *keyring
	faults   *faults
	journal  *journal
	listener *listener
}

// Start listens and serves until Close. It fails when the address can't be listened on.
func Start(opts Options) (*Emulator, error) {
	opts = opts.withDefaults()
	keys, err := newKeyring()
	if err != nil {
		return nil, fmt.Errorf("generating the signing key: %w", err)
	}
	listener, err := listen(opts.Addr, opts.TLS)
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		now:      opts.Now,
		registry: newRegistry(opts.Lifetime, opts.Apps),
		keys:     keys,
		faults:   newFaults(),
		journal:  &journal{now: opts.Now},
		listener: listener,
	}
	listener.start(e.routes())
	return e, nil
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = defaultAddr
	}
	if o.Lifetime == 0 {
		o.Lifetime = defaultLifetime
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// routes puts the journal before the faults, so that a request counts whatever becomes of it.
func (e *Emulator) routes() http.Handler {
	ims := newIMS(e)
	platform := e.journal.observe(correlated(e.faults.wrap(Platform, newPlatform(e))))

	mux := http.NewServeMux()
	mux.Handle("/", e.journal.observe(ims))
	mux.Handle(tokenPath, e.journal.observe(e.journal.countExchange(e.faults.wrap(TokenEndpoint, formOnly(ims)))))
	mux.Handle(keysPath, e.journal.observe(e.faults.wrap(KeysEndpoint, ims)))
	mux.Handle("/users/", platform)
	for _, path := range []string{"/accesscontrol/", "/itwins", "/imodels"} {
		mux.Handle(path, platform)
	}
	mux.Handle(controlPath, newControl(e))
	return mux
}

// URL is the base URL of both IMS and the Platform, without a trailing slash.
func (e *Emulator) URL() string { return e.listener.url }

// CACert is the PEM certificate of the authority that signed the emulator's own; empty without Options.TLS.
func (e *Emulator) CACert() string { return e.listener.caCert }

// Close stops serving, releases every request that is being delayed, and returns once no goroutine is left.
// Closing again does nothing.
func (e *Emulator) Close() error { return e.listener.close() }

// Down closes the listener and every connection, so that new connections are refused. Down while down does nothing.
// A Fault.Handler must not call it, nor Close: both wait for handlers to return.
func (e *Emulator) Down() error { return e.listener.down() }

// Up listens again on the same port. It fails when another process took the port, or after Close.
func (e *Emulator) Up() error { return e.listener.up() }

// RotateKey makes a new signing key with a new kid. Keys of the past stay published until
// WithdrawKeys, as tokens they signed are still out there.
func (e *Emulator) RotateKey() error { return e.keys.rotate() }

// WithdrawKeys stops publishing every key but the one that signs, as an IMS does whose older keys are out of use or were
// stolen: tokens that those signed verify no longer.
func (e *Emulator) WithdrawKeys() { e.keys.withdraw() }

// Sign returns a JWT of the given claims, signed with the current key: for tests that need a token IMS would not
// issue, such as one that has expired or that names another issuer.
func (e *Emulator) Sign(claims any) (string, error) { return e.keys.sign(claims) }

// SetApp registers an app, or replaces the one with its ClientID.
func (e *Emulator) SetApp(app App) { e.registry.set(app) }

// RemoveApp forgets an app. Tokens it was issued stay signed, but the Platform answers UnknownClient to them.
func (e *Emulator) RemoveApp(clientID string) { e.registry.remove(clientID) }

// SetLifetime changes how long tokens issued from now on live, in whole seconds.
func (e *Emulator) SetLifetime(d time.Duration) { e.registry.setLifetime(d) }

// Fault makes an endpoint misbehave until Heal, or until the next Fault at the same endpoint.
func (e *Emulator) Fault(f Fault) { e.faults.set(f) }

// Heal ends every fault. It does not bring a listener back that is Down.
func (e *Emulator) Heal() { e.faults.clear() }

// Exchanges counts the requests that reached the token endpoint, whatever the answer.
func (e *Emulator) Exchanges() int { return len(e.journal.exchangeTimes()) }

// ExchangeTimes tells when each request reached the token endpoint, oldest first.
func (e *Emulator) ExchangeTimes() []time.Time { return e.journal.exchangeTimes() }

// Issued lists the tokens issued so far, oldest first.
func (e *Emulator) Issued() []Issued { return e.journal.issuedTokens() }

// LastRequest is the header of the last request to IMS or the Platform, without Authorization; nil before the first.
func (e *Emulator) LastRequest() http.Header { return e.journal.lastRequest() }
