package tokens

import (
	"context"
	"time"
)

// storageTime bounds one call to the store, so that a storage that hangs doesn't
// hold a minted token back from its readers for long.
const storageTime = 5 * time.Second

// want is what an exchange is for. The zero want is a reader's who takes any
// fresh token.
type want struct {
	minLife  time.Duration
	replaces *held // a renewal: the token to be replaced
	anew     bool  // a rotation: mint whatever is there
}

type outcome struct {
	held   *held
	minted bool
	own    bool  // not joined: what was wanted here was what ran
	unkept error // why the token couldn't be stored
}

// await joins the exchange under way for the scopes, or starts one, and waits for
// its end or the reader's own.
func (p *Pool) await(ctx context.Context, scope string, w want) (outcome, error) {
	own := false
	landed := p.flights.DoChan(scope, func() (any, error) {
		own = true
		return p.obtain(scope, w)
	})
	select {
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	case r := <-landed:
		out, _ := r.Val.(outcome)
		out.own = own
		if !own {
			p.entry(scope).tally.Coalesced.Add(1)
		}
		return out, r.Err
	}
}

// start is await for those who don't wait.
func (p *Pool) start(scope string, w want) {
	p.flights.DoChan(scope, func() (any, error) { return p.obtain(scope, w) })
}

// obtain runs once at a time for each set of scopes, detached from any reader.
func (p *Pool) obtain(scope string, w want) (outcome, error) {
	e, err := p.board(scope)
	if err != nil {
		return outcome{}, err
	}
	defer p.land(e)
	set := p.settings.Load()
	if !e.isLoaded() {
		p.load(scope, e, set)
	}
	if done, err := p.settled(e, w); done {
		return outcome{}, err
	}
	if err := set.MayMint(); err != nil {
		p.load(scope, e, set)
		if done, _ := p.settled(e, w); done {
			return outcome{}, nil
		}
		return outcome{}, err
	}
	return p.mint(scope, e, set)
}

// settled says that what an exchange was wanted for has come about meanwhile, or
// has failed so recently that it isn't tried again yet.
func (p *Pool) settled(e *entry, w want) (bool, error) {
	if w.anew {
		return false, nil
	}
	h := e.held.Load()
	now := p.opts.Now()
	switch {
	case w.replaces != nil && h != w.replaces:
		return true, nil
	case w.replaces == nil && h != nil && p.isFresh(h, now, w.minLife):
		return true, nil
	}
	if f := e.failing(); f != nil && now.Before(f.NextAttempt) {
		return true, f
	}
	return false, nil
}

// Slot waits for one of the exchanges that an app may make at a time. Who calls it
// gives it back by calling done.
func (p *Pool) Slot(ctx context.Context) (done func(), err error) {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { p.slots.Release(1) }, nil
}

func (p *Pool) mint(scope string, e *entry, set *Settings) (outcome, error) {
	if err := p.slots.Acquire(p.ctx, 1); err != nil {
		return outcome{}, ErrSuperseded
	}
	grant, err := set.Mint(p.ctx, scope)
	p.slots.Release(1)
	if err == nil && !grant.RequestedAt.Add(grant.Lifetime).After(p.opts.Now()) {
		err = ErrLateArrival
	}
	switch {
	case p.retired.Load():
		return outcome{}, ErrSuperseded
	case err != nil:
		return p.afterFailedMint(scope, e, set, err)
	}
	return p.adopt(scope, e, grant), nil
}

// afterFailedMint counts the failure, unless a config write has come meanwhile,
// which ends every wait: then it mints again.
func (p *Pool) afterFailedMint(scope string, e *entry, set *Settings, err error) (outcome, error) {
	now := p.opts.Now()
	f, counts := e.fail(err, now, p.opts.Jitter, func() bool { return p.settings.Load() != set })
	if !counts {
		return p.mint(scope, e, p.settings.Load())
	}
	e.tally.fail(f, now)
	p.opts.Observe(Event{Kind: MintFailed, Scope: scope, Failure: f})
	return outcome{}, f
}

// adopt makes a grant the shared token. It is stored before anyone gets it: what
// a reader holds, the next leader knows.
func (p *Pool) adopt(scope string, e *entry, grant Grant) outcome {
	t := newToken(scope, grant, e.lastRotation())
	err := p.save(t)
	h, ended := e.succeed(t)
	e.tally.Minted.Add(1)
	p.opts.Observe(Event{Kind: Minted, Scope: scope, Token: t, Grant: &grant, Failure: ended})
	return outcome{held: h, minted: true, unkept: err}
}

// save stores a token, by the settings of now: they may say since the exchange
// began that tokens aren't stored.
func (p *Pool) save(t *Token) error {
	store := p.settings.Load().Store
	if store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.ctx, storageTime)
	defer cancel()
	err := store.Save(ctx, t)
	if err != nil {
		p.opts.Observe(Event{Kind: StoreFailed, Scope: t.Scope, Token: t, Err: err})
	}
	return err
}

// Adopt makes a grant that was minted elsewhere the shared token of the scopes.
func (p *Pool) Adopt(scope string, grant Grant) error {
	return p.Alone(scope, func() error {
		e, err := p.board(scope)
		if err != nil {
			return err
		}
		defer p.land(e)
		set := p.settings.Load()
		if !e.isLoaded() {
			p.load(scope, e, set) // for the rotation that the grant's must follow
		}
		p.adopt(scope, e, grant)
		return nil
	})
}

// Alone runs f while nothing else loads, mints or stores a token of the scopes.
func (p *Pool) Alone(scope string, f func() error) error {
	for {
		own, err := false, error(nil)
		// Readers who join get no error of f's: they look again.
		_, _, _ = p.flights.Do(scope, func() (any, error) {
			own, err = true, f()
			return outcome{}, nil
		})
		if own {
			return err
		}
	}
}

// load asks the store, again where another node replaced the token meanwhile.
func (p *Pool) load(scope string, e *entry, set *Settings) {
	if set.Store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, storageTime)
	defer cancel()
	for kept := false; !kept; {
		forgets := e.timesForgotten()
		t, err := set.Store.Load(ctx, scope)
		if err != nil {
			p.opts.Observe(Event{Kind: StoreFailed, Scope: scope, Err: err})
			return
		}
		now := p.opts.Now()
		if kept = e.keep(t, now, forgets); kept && t != nil && t.Left(now) > 0 {
			p.opts.Observe(Event{Kind: Loaded, Scope: scope, Token: t})
		}
	}
}

// board marks the entry as busy, so that it isn't forgotten meanwhile.
func (p *Pool) board(scope string) (*entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired.Load() {
		return nil, ErrSuperseded
	}
	e := p.lockedEntry(scope)
	e.takeOff()
	p.flying.Add(1)
	return e, nil
}

func (p *Pool) land(e *entry) {
	e.land(p.opts.Now())
	p.flying.Done()
	p.opts.Wake()
}
