package tokens

import (
	"context"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
)

// exchange is one attempt to get a token for a set of scopes: the look into the
// store, the wait for a slot, the request, and storing the token. An entry has one
// at a time; it belongs to no single reader.
type exchange struct {
	entry   *entry
	started time.Time
	ctx     context.Context // until it ends, or another takes its place
	cancel  context.CancelFunc

	done   chan struct{} // closed at the end, when the rest is final
	result result
}

// result is how an exchange ended. Neither a token nor an error: look again.
type result struct {
	held      *held // minted, or repeated
	notStored error // why it could not be stored
	err       error
}

// goal is what an exchange is for. The zero goal is any fresh token.
type goal struct {
	minLife  time.Duration
	replaces *held // a renewal: the token to be replaced
	anew     bool  // a rotation: mint even if a token is fresh
}

// lockedBegin makes an exchange that has the entry to itself; p.mu and e.mu are
// held.
func (p *Pool) lockedBegin(e *entry, now time.Time) *exchange {
	x := &exchange{entry: e, started: now, done: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancel(p.ctx)
	e.exchange = x
	p.underWay.Add(1)
	return x
}

// with calls f with the entry for the scopes, p.mu and e.mu held, unless the pool
// is retired.
func (p *Pool) with(set scopes.Set, f func(*entry)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired.Load() {
		return ErrSuperseded
	}
	e := p.lockedEntry(set)
	e.mu.Lock()
	defer e.mu.Unlock()
	f(e)
	return nil
}

// lockedJoin returns the exchange under way, or starts one; p.mu and e.mu are held.
func (p *Pool) lockedJoin(e *entry, now time.Time, g goal) (x *exchange, own bool) {
	if e.exchange != nil {
		return e.exchange, false
	}
	x = p.lockedBegin(e, now)
	go p.obtain(x, g)
	return x, true
}

// join is lockedJoin for those who hold no lock.
func (p *Pool) join(set scopes.Set, g goal) (x *exchange, own bool, err error) {
	now := p.opts.Now()
	err = p.with(set, func(e *entry) { x, own = p.lockedJoin(e, now, g) })
	return x, own, err
}

// wait returns how x ended. The result is empty if x has lost its place, or if late:
// patience ran out first. The error is ctx.Err().
func (x *exchange) wait(ctx context.Context, patience time.Duration) (r result, late bool, err error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return result{}, false, ctx.Err()
	case <-x.ctx.Done():
	case <-x.done:
	case <-timer.C:
		late = true
	}
	select {
	case <-x.done:
		return x.result, false, nil
	default:
		return result{}, late, nil
	}
}

// end publishes how x ended, and lets the next exchange begin.
func (p *Pool) end(x *exchange) {
	e := x.entry
	now := p.opts.Now()
	e.mu.Lock()
	if e.exchange == x {
		e.exchange, e.ended = nil, now
	}
	e.mu.Unlock()
	close(x.done)
	x.cancel()
	p.underWay.Done()
	p.opts.Wake()
}

// WhileIdle runs f if no exchange for the scopes is under way and reports whether
// it did. None begins until f returns; readers without a usable token wait for it.
// The context ends after 5 s, or when Adopt takes f's place: as f may have changed
// the store even so, the adopted token is then stored again.
func (p *Pool) WhileIdle(set scopes.Set, f func(ctx context.Context) error) (ran bool, err error) {
	now := p.opts.Now()
	var x *exchange
	err = p.with(set, func(e *entry) {
		if e.exchange == nil {
			x = p.lockedBegin(e, now)
		}
	})
	if x == nil {
		return false, err
	}
	defer p.end(x)
	ctx, cancel := context.WithTimeout(x.ctx, storageTime)
	defer cancel()
	err = f(ctx)
	if x.ctx.Err() != nil {
		p.underWay.Go(func() { p.saveAgain(x.entry) })
	}
	return true, err
}
