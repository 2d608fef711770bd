package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

var (
	platform = scopes.Granted("itwin-platform") //nolint:gochecknoglobals // a constant in all but its type

	errOutage  = errors.New("connection refused")
	errStandby = errors.New("this node may not write")
)

func scoped(name string) scopes.Set { return scopes.Granted(name) }

// clock is a node's wall clock: the bubble's time, or off by some time.
type clock struct {
	mu    sync.Mutex
	wrong time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().UTC().Round(0).Add(c.wrong)
}

func (c *clock) set(wrong time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = wrong
}

// pass lets the bubble's time pass, and whatever is due in it happen.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the time of a synctest bubble takes no time
	synctest.Wait()
}

// issuer mints numbered tokens; it counts, fails, dawdles and blocks on demand.
type issuer struct {
	clock *clock

	mu         sync.Mutex
	lifetime   time.Duration
	takes      time.Duration
	repeats    string // the token that it returns again and again
	err        error
	gate       chan struct{} // an exchange waits for it to be closed
	exchanges  int
	running    int
	mostAtOnce int
}

func (i *issuer) mint(ctx context.Context, s scopes.Set) (tokens.Grant, error) {
	sent := i.clock.Now()
	gate, takes := i.begin()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running--
	if err := errors.Join(i.err, ctx.Err()); err != nil {
		return tokens.Grant{}, err
	}
	token := i.repeats
	if token == "" {
		token = fmt.Sprintf("%s-%d", s, i.exchanges)
	}
	return grant(token, sent, i.lifetime), nil
}

func grant(token string, requestedAt time.Time, lifetime time.Duration) tokens.Grant {
	return tokens.Grant{
		AccessToken: secret.New(token),
		Type:        "Bearer",
		RequestedAt: requestedAt,
		Lifetime:    lifetime,
	}
}

func (i *issuer) begin() (chan struct{}, time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.exchanges++
	i.running++
	i.mostAtOnce = max(i.mostAtOnce, i.running)
	return i.gate, i.takes
}

func (i *issuer) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

// block holds the exchanges to come until the returned function is called.
func (i *issuer) block() (release func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	gate := make(chan struct{})
	i.gate = gate
	return func() {
		i.unblock()
		close(gate)
	}
}

// unblock lets exchanges through that haven't begun yet.
func (i *issuer) unblock() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.gate = nil
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.exchanges
}

// store keeps tokens in a map; it fails and hangs on demand.
type store struct {
	mu       sync.Mutex
	tokens   map[scopes.Set]*tokens.Token
	loads    int
	saves    int
	failLoad error
	failSave error
	hangLoad bool // until the context ends
	hangSave bool
	deaf     chan struct{} // calls wait for it, whatever the context says
}

func (s *store) Load(ctx context.Context, set scopes.Set) (*tokens.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	if err := s.hang(ctx, s.hangLoad); err != nil {
		return nil, err
	}
	if s.failLoad != nil {
		return nil, s.failLoad
	}
	return s.tokens[set], nil
}

func (s *store) Save(ctx context.Context, t *tokens.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	hung := s.hang(ctx, s.hangSave)
	if err := errors.Join(hung, s.failSave, ctx.Err()); err != nil {
		return err
	}
	s.saves++
	s.tokens[t.Scopes] = t
	return nil
}

// hangDeaf makes calls hang until release is called.
func (s *store) hangDeaf() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = make(chan struct{})
}

func (s *store) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf != nil {
		close(s.deaf)
		s.deaf = nil
	}
}

// hang waits with mu released.
func (s *store) hang(ctx context.Context, hangs bool) error {
	deaf := s.deaf
	s.mu.Unlock()
	defer s.mu.Lock()
	if deaf != nil {
		<-deaf
	}
	if hangs {
		<-ctx.Done()
	}
	return ctx.Err()
}

func newStore() *store { return &store{tokens: make(map[scopes.Set]*tokens.Token)} }

// env is a pool with everything it is handed. It belongs in a synctest bubble,
// so that settle can tell when background work has ended or waits.
type env struct {
	*testing.T
	clock    *clock
	ims      *issuer
	store    *store
	settings tokens.Settings
	pool     *tokens.Pool

	mu     sync.Mutex
	share  float64 // of the most that jitter may be
	wakes  int
	events []tokens.Event
}

// newEnv is an app with tokens of an hour, rotated at half their life.
func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{T: t, clock: &clock{}, store: newStore()}
	e.ims = &issuer{clock: e.clock, lifetime: time.Hour}
	e.settings = tokens.Settings{
		Mint:        e.ims.mint,
		MayMint:     func() error { return nil },
		RenewBefore: 30 * time.Minute,
		Timeout:     10 * time.Second,
		Store:       e.store,
	}
	e.pool = e.newPool(time.Time{})
	t.Cleanup(func() { // ends what hangs
		e.pool.Retire()
		e.store.release()
	})
	return e
}

func (e *env) newPool(rotatedAfter time.Time) *tokens.Pool {
	return tokens.NewPool(tokens.Options{
		Now:          e.clock.Now,
		Jitter:       e.jitter,
		Wake:         e.wake,
		Observe:      e.observe,
		RotatedAfter: rotatedAfter,
	}, e.settings)
}

func (e *env) jitter(most time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Duration(e.share * float64(most))
}

func (e *env) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wakes++
}

func (e *env) observe(event tokens.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, event)
}

// seen lists the kinds of the events so far.
func (e *env) seen() []tokens.EventKind {
	e.mu.Lock()
	defer e.mu.Unlock()
	kinds := make([]tokens.EventKind, 0, len(e.events))
	for _, event := range e.events {
		kinds = append(kinds, event.Kind)
	}
	return kinds
}

// restart is a new process over the same storage.
func (e *env) restart() {
	e.pool.Retire()
	require.NoError(e, e.pool.Wait(e.Context()))
	e.pool = e.newPool(time.Time{})
}

func (e *env) advance(d time.Duration) { pass(d) }

// renew is one pass of the background loop, and the end of what it started.
func (e *env) renew() time.Duration {
	next := e.pool.Renew()
	synctest.Wait()
	return next
}

func (e *env) mustRead() tokens.Served {
	e.Helper()
	return e.mustReadFor(0)
}

func (e *env) mustReadFor(minLife time.Duration) tokens.Served {
	e.Helper()
	served, err := e.pool.Token(e.Context(), platform, minLife)
	require.NoError(e, err)
	return served
}

func (e *env) mustFail() *tokens.Failure {
	e.Helper()
	_, err := e.pool.Token(e.Context(), platform, 0)
	var failure *tokens.Failure
	require.ErrorAs(e, err, &failure)
	return failure
}

type result struct {
	tokens.Served
	err  error
	took time.Duration
}

// reading is a read that may have to wait; settled when it was started.
func (e *env) reading(ctx context.Context, set scopes.Set) <-chan result {
	results := make(chan result, 1)
	go func() {
		arrived := time.Now()
		served, err := e.pool.Token(ctx, set, 0)
		results <- result{served, err, time.Since(arrived)}
	}()
	synctest.Wait()
	return results
}

func (e *env) requireWaiting(results <-chan result) {
	e.Helper()
	synctest.Wait()
	require.Empty(e, results, "the reader should still wait")
}
