package itwin

import (
	"context"
	"sync"
	"time"
)

// renewals is the loop that renews tokens ahead of their rotation. It runs from
// a mount's initialization to its cleaning, and it sleeps until a renewal is due.
type renewals struct {
	wakes chan struct{}

	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

func newRenewals() renewals {
	return renewals{wakes: make(chan struct{}, 1)}
}

// start begins the loop; renew starts what is due and returns how long until the
// next is. A loop that runs already goes on.
func (r *renewals) start(renew func() time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	go r.run(ctx, r.done, renew)
}

func (r *renewals) run(ctx context.Context, done chan<- struct{}, renew func() time.Duration) {
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
		timer.Reset(renew())
	}
}

// wake makes the loop look again now. It never blocks.
func (r *renewals) wake() {
	select {
	case r.wakes <- struct{}{}:
	default:
	}
}

// stop ends the loop and waits for it.
func (r *renewals) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel == nil {
		return
	}
	r.cancel()
	<-r.done
	r.cancel = nil
}
