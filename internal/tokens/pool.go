package tokens

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

// maxExchanges is how many tokens of one app are minted at a time.
const maxExchanges = 8

// Jitter returns a random duration from 0 to most.
type Jitter func(most time.Duration) time.Duration

// Options are what a pool is made of for good.
type Options struct {
	Now    func() time.Time
	Jitter Jitter

	// Wake is called when a renewal may be due earlier than Renew said.
	Wake func()

	// Observe is told what happens to tokens. It must not block.
	Observe func(Event)

	// Tally returns where to count, the same one for the same scopes; nil counts for
	// the pool alone.
	Tally func(scope string) *Tally

	// RotatedAfter is the last rotation of the generation before this one.
	RotatedAfter time.Time
}

// Settings are what a config write changes while the tokens stay.
type Settings struct {
	// Mint obtains a new token. It limits its own time.
	Mint func(ctx context.Context, scope string) (Grant, error)

	// MayMint returns the error to answer with where this node may not mint.
	MayMint func() error

	// RenewBefore is the life that a token handed out has left, at the least.
	RenewBefore time.Duration

	// Store keeps tokens across restarts; nil keeps them in memory alone.
	Store Store
}

// Store keeps the tokens of one generation of an app.
type Store interface {
	// Load returns nil and no error where there is none.
	Load(ctx context.Context, scope string) (*Token, error)
	Save(ctx context.Context, token *Token) error
}

// Pool holds the tokens of one generation of an app: one per set of scopes. All
// its methods may be called at the same time.
type Pool struct {
	opts     Options
	settings atomic.Pointer[Settings]

	retired atomic.Bool
	ctx     context.Context // the life of exchanges that no single reader owns
	cancel  context.CancelFunc
	flights singleflight.Group
	flying  sync.WaitGroup
	slots   *semaphore.Weighted

	mu      sync.RWMutex
	entries map[string]*entry
}

// NewPool makes an empty pool. It starts nothing.
func NewPool(opts Options, settings Settings) *Pool {
	if opts.Tally == nil {
		opts.Tally = func(string) *Tally { return new(Tally) }
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pool{
		opts:    opts,
		ctx:     ctx,
		cancel:  cancel,
		slots:   semaphore.NewWeighted(maxExchanges),
		entries: make(map[string]*entry),
	}
	p.settings.Store(&settings)
	return p
}

// Configure replaces the settings, keeps the tokens and ends every wait for a
// retry.
func (p *Pool) Configure(settings Settings) {
	p.settings.Store(&settings)
	for _, e := range p.all() {
		e.endWait()
	}
	p.opts.Wake()
}

// Retire ends the pool: nothing is handed out any more, exchanges under way are
// cancelled, and what they return goes nowhere.
func (p *Pool) Retire() {
	p.mu.Lock()
	p.retired.Store(true)
	p.mu.Unlock()
	p.cancel()
}

// Wait returns when a retired pool has nothing under way any more.
func (p *Pool) Wait() { p.flying.Wait() }

// Forget drops the token in memory, so that the next reader gets the one that
// another node has stored. The scopes are those for which match is true.
func (p *Pool) Forget(match func(scope string) bool) {
	for scope, e := range p.all() {
		if match(scope) {
			e.forget()
		}
	}
}

// LastRotation is the latest rotation of any token of the pool.
func (p *Pool) LastRotation() time.Time {
	last := p.opts.RotatedAfter
	for _, e := range p.all() {
		if at := e.lastRotation(); at.After(last) {
			last = at
		}
	}
	return last
}

func (p *Pool) entry(scope string) *entry {
	p.mu.RLock()
	e := p.entries[scope]
	p.mu.RUnlock()
	if e != nil {
		return e
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lockedEntry(scope)
}

// lockedEntry makes the entry where there is none; mu is held.
func (p *Pool) lockedEntry(scope string) *entry {
	e := p.entries[scope]
	if e == nil {
		e = &entry{last: p.opts.RotatedAfter, tally: p.opts.Tally(scope)}
		p.entries[scope] = e
	}
	return e
}

func (p *Pool) all() map[string]*entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return maps.Clone(p.entries)
}
