// Package emulator stands in for Bentley's identity provider (IMS) and for the few iTwin Platform endpoints that the
// plugin and Bentley's own clients call in tests, on one loopback listener, so that tests and demos need neither an
// account nor a network.
//
// It owns the behavior seen from outside: OAuth 2.0 client credentials (RFC 6749 section 4.4), discovery, signing
// keys, the Platform's answers, and faults on demand. It knows nothing of Vault and nothing of the plugin. It holds
// client secrets in clear: never give it a real one.
package emulator

import (
	"cmp"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options says how an Emulator starts. The zero value is usable, but knows no app.
type Options struct {
	// Addr is the host and port to listen on; by default a free port of 127.0.0.1.
	Addr string
	// Lifetime is how long a token lives, in whole seconds; one hour by default.
	Lifetime time.Duration
	// Apps are the service apps known from the start.
	Apps []App
	// TLS serves https with the certificate of net/http/httptest, which CACert returns.
	TLS bool
}

// App is a service app as its developer registered it.
type App struct {
	ClientID     string
	ClientSecret string
	// Scopes are what the app may ask for.
	Scopes []string
	// ITwins are the iTwins the app is a member of, by id, with its permissions there.
	ITwins map[string][]string
}

// email is the address by which the app is invited to an iTwin.
func (a App) email() string { return a.ClientID + "@apps.imsoidc.bentley.com" }

// Issued is what is remembered of one issued token; never the token itself.
type Issued struct {
	ClientID string
	Scope    []string
	SHA256   string // hex digest of the token as it was sent
	Expiry   time.Time
	// AuthMethod is how the client authenticated: client_secret_post or client_secret_basic.
	AuthMethod string
}

// Emulator is a running IMS and Platform. All its methods may be called concurrently.
type Emulator struct {
	url      string
	caCert   string
	listener *listener
	key      *signingKey

	mu        sync.Mutex
	apps      map[string]App
	lifetime  time.Duration
	exchanges int
	last      http.Header
	issued    []Issued
	faults    map[Endpoint]*activeFault
}

// Start listens and serves until Close. It fails when the address can't be listened on.
func Start(opts Options) (*Emulator, error) {
	key, err := newSigningKey()
	if err != nil {
		return nil, fmt.Errorf("generating the signing key: %w", err)
	}
	socket, err := net.Listen("tcp", cmp.Or(opts.Addr, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		url:      "http://" + socket.Addr().String(),
		key:      key,
		apps:     make(map[string]App),
		lifetime: cmp.Or(opts.Lifetime, time.Hour),
		faults:   make(map[Endpoint]*activeFault),
	}
	if opts.TLS {
		e.url = "https://" + socket.Addr().String()
	}
	for _, app := range opts.Apps {
		e.apps[app.ClientID] = app
	}
	e.listener = &listener{addr: socket.Addr().String(), tls: opts.TLS, handler: e.routes()}
	e.listener.serve(socket)
	if opts.TLS {
		e.caCert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.listener.server.Certificate().Raw}))
	}
	return e, nil
}

// routes counts exchanges before faults strike, so that a request counts whatever becomes of it.
func (e *Emulator) routes() http.Handler {
	ims := newIMS(e)
	token := e.misbehaving(TokenEndpoint, formOnly(ims))
	platform := correlated(e.misbehaving(Platform, newPlatform(e)))

	mux := http.NewServeMux()
	mux.Handle("/", ims)
	mux.HandleFunc(tokenPath, func(w http.ResponseWriter, r *http.Request) {
		e.countExchange(r.Header)
		token.ServeHTTP(w, r)
	})
	for _, path := range []string{"/users/", "/accesscontrol/", "/itwins", "/imodels"} {
		mux.Handle(path, platform)
	}
	mux.HandleFunc("PUT "+faultPath, e.putFault)
	mux.HandleFunc("DELETE "+faultPath, func(http.ResponseWriter, *http.Request) { e.Heal() })
	return mux
}

// URL is the base URL of both IMS and the Platform, without a trailing slash.
func (e *Emulator) URL() string { return e.url }

// CACert is the PEM certificate of the authority that signed the emulator's own, with Options.TLS.
func (e *Emulator) CACert() string { return e.caCert }

// Close stops serving, releases every request that is being delayed, and returns once no goroutine is left.
func (e *Emulator) Close() error { return e.listener.down() }

// Down closes the listener and every connection, so that new connections are refused. Down while down does nothing.
// A Fault.Handler must not call it, nor Close: both wait for handlers to return.
func (e *Emulator) Down() error { return e.listener.down() }

// Up listens again on the same port. It fails when another process took the port.
func (e *Emulator) Up() error { return e.listener.up() }

// Sign returns a JWT of the given claims: for tests that need a token IMS would not issue, such as one that has expired
// or that names another issuer.
func (e *Emulator) Sign(claims any) (string, error) { return e.key.sign(claims) }

// SetApp registers an app, or replaces the one with its ClientID.
func (e *Emulator) SetApp(app App) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.apps[app.ClientID] = app
}

func (e *Emulator) app(clientID string) (App, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	app, known := e.apps[clientID]
	return app, known
}

// SetLifetime changes how long tokens issued from now on live, in whole seconds.
func (e *Emulator) SetLifetime(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lifetime = d
}

func (e *Emulator) tokenLifetime() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lifetime
}

func (e *Emulator) countExchange(header http.Header) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.exchanges++
	e.last = header.Clone()
}

// Exchanges counts the requests that reached the token endpoint, whatever the answer.
func (e *Emulator) Exchanges() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.exchanges
}

// LastRequest is the header of the last request that reached the token endpoint.
func (e *Emulator) LastRequest() http.Header {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

func (e *Emulator) record(token Issued) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.issued = append(e.issued, token)
}

// Issued lists the tokens issued so far, oldest first.
func (e *Emulator) Issued() []Issued {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.issued)
}
