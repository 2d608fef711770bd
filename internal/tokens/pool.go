package tokens

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"vault-plugin-secrets-itwin/internal/scopes"
)

// maxExchanges is how many tokens of one app are minted at a time.
const maxExchanges = 8

// Jitter returns a random duration from 0 to most.
type Jitter func(most time.Duration) time.Duration

// Options are fixed for the life of a pool.
type Options struct {
	Now    func() time.Time
	Jitter Jitter

	// Wake is called when a renewal may be due earlier than Renew said, such as
	// Renewer.Wake. It must not block.
	Wake func()

	// Observe is told what happens to tokens. It must not block.
	Observe func(Event)

	// Tally returns where to count, the same one for the same scopes; nil counts for
	// the pool alone.
	Tally func(set scopes.Set) *Tally

	// RotatedAfter is the last rotation of the generation before this one.
	RotatedAfter time.Time
}

// Settings are what a config write changes while the tokens stay.
type Settings struct {
	// Mint obtains a new token. It ends when ctx does: after what is left of Timeout
	// once the store has answered and a slot is free.
	Mint func(ctx context.Context, set scopes.Set) (Grant, error)

	// MayMint returns the error to answer with if this node may not mint. It must not
	// wait for the network.
	MayMint func() error

	// RenewBefore is the least life left on a token that is handed out.
	RenewBefore time.Duration

	// Timeout limits an exchange: the look into the store, the wait for a slot and
	// Mint together. It must not be zero.
	Timeout time.Duration

	// Store keeps tokens across restarts; nil keeps them in memory alone.
	Store Store
}

// Pool holds the tokens of one generation of an app: one per set of scopes. Its
// methods may be called concurrently.
type Pool struct {
	opts     Options
	settings atomic.Pointer[Settings]

	retired  atomic.Bool
	ctx      context.Context // of exchanges, which no single reader owns
	cancel   context.CancelFunc
	underWay sync.WaitGroup // exchanges
	slots    *semaphore.Weighted

	mu      sync.RWMutex
	entries map[scopes.Set]*entry
}

// NewPool makes an empty pool. It starts nothing.
func NewPool(opts Options, settings Settings) *Pool {
	if opts.Tally == nil {
		opts.Tally = func(scopes.Set) *Tally { return new(Tally) }
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pool{
		opts:    opts,
		ctx:     ctx,
		cancel:  cancel,
		slots:   semaphore.NewWeighted(maxExchanges),
		entries: make(map[scopes.Set]*entry),
	}
	p.settings.Store(&settings)
	return p
}

// Configure replaces the settings, keeps the tokens and ends every wait for a
// retry. It waits for nothing.
func (p *Pool) Configure(settings Settings) {
	p.settings.Store(&settings)
	for _, e := range p.all() {
		e.endWait()
	}
	p.opts.Wake()
}

// Retire ends the pool: it hands nothing out any more, exchanges under way are
// cancelled, and what they return is dropped. It waits for nothing.
func (p *Pool) Retire() {
	p.mu.Lock()
	p.retired.Store(true)
	p.mu.Unlock()
	p.cancel()
}

// Wait returns when a retired pool has nothing under way any more, so that nothing
// is stored from then on, or with the error of ctx. As exchanges are cancelled it
// takes long only if Mint or the store ignore that.
func (p *Pool) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		p.underWay.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Forget has the store asked before the token in memory is handed out again, as
// another node has stored a newer one, for the scopes for which match is true. While
// the store doesn't answer, the token in memory is the previous one.
func (p *Pool) Forget(match func(set scopes.Set) bool) {
	for set, e := range p.all() {
		if match(set) {
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

// lockedEntry returns the entry for the scopes, made if it is missing; mu is held.
func (p *Pool) lockedEntry(set scopes.Set) *entry {
	e := p.entries[set]
	if e == nil {
		e = &entry{scopes: set, rotated: p.opts.RotatedAfter, tally: p.opts.Tally(set)}
		p.entries[set] = e
	}
	return e
}

func (p *Pool) all() map[scopes.Set]*entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return maps.Clone(p.entries)
}

// observe reports an event, unless the pool is retired.
func (p *Pool) observe(e Event) {
	if !p.retired.Load() {
		p.opts.Observe(e)
	}
}
