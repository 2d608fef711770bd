package tokens

import (
	"context"
	"sync"
	"time"
)

// Renewer is the loop that renews tokens ahead of their rotation. It sleeps until a
// renewal is due or it is woken.
type Renewer struct {
	pools func() []*Pool
	wakes chan struct{}

	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

// NewRenewer makes a loop over the pools that pools lists each time. It starts
// nothing.
func NewRenewer(pools func() []*Pool) *Renewer {
	return &Renewer{pools: pools, wakes: make(chan struct{}, 1)}
}

// Start begins the loop. A loop that runs already continues.
func (r *Renewer) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	go r.run(ctx, r.done)
}

// Wake makes the loop look again now. It never blocks.
func (r *Renewer) Wake() {
	select {
	case r.wakes <- struct{}{}:
	default:
	}
}

// Stop ends the loop and waits for it, but not for the exchanges that it started.
func (r *Renewer) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel == nil {
		return
	}
	r.cancel()
	<-r.done
	r.cancel = nil
}

func (r *Renewer) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wakes:
		case <-timer.C:
		}
		timer.Reset(r.renew())
	}
}

// renew is one pass over all pools. It returns how long until the next is due.
func (r *Renewer) renew() time.Duration {
	next := idleRenewal
	for _, p := range r.pools() {
		next = min(next, p.Renew())
	}
	return next
}
