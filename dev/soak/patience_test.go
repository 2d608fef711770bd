package soak

import (
	"context"
	"sync"
	"time"
)

const (
	// grace is what a read with a usable token may take: the engine's second, and half of one for a busy machine.
	grace = 1500 * time.Millisecond
	// reserve is the life that a token must still have to be handed out.
	reserve = lifetime / 10
)

// holding is a token that was handed out at a path, and what the operator had written by then.
type holding struct {
	expiry time.Time
	view   view
}

// usable says whether a read that begins now can be served with it, however long the read is allowed to take. A token
// that was handed out before a reload or a write may be gone.
func (h holding) usable(now view, begun time.Time) bool {
	return h.view == now && h.expiry.Sub(begun.Add(grace)) > reserve
}

func (w *witness) held(path string) holding {
	if h, ok := w.latest.Load(path); ok {
		return h.(holding)
	}
	return holding{}
}

// keep goes by the expiry in the answer. It counts from when IMS was asked, so a token that IMS took seconds to issue ends
// as much earlier for the engine than for IMS.
func (w *witness) keep(path string, seen view, got token) {
	w.latest.Store(path, holding{time.Unix(got.ExpiresAt, 0), seen})
}

// judgePatience holds a read with a usable token to the promise: no error, and no wait beyond the grace. Where the whole
// machine stood still meanwhile, the report says so; the bound is the same.
func (w *witness) judgePatience(path string, held holding, err error, begun, ended time.Time) {
	w.patient.Add(1)
	took := ended.Sub(begun)
	if err == nil && took <= grace {
		return
	}
	w.report("%s: a read took %s (%v) with %s left on a token at hand; this machine stood still for %s of it",
		path, took, err, held.expiry.Sub(ended), w.stalls.within(begun, ended))
}

// stalls notices when this process, and so probably the machine, gets no time to run.
type stalls struct {
	mu    sync.Mutex
	known []stall
}

type stall struct{ from, to time.Time }

const stallTick = 20 * time.Millisecond

func (s *stalls) watch(ctx context.Context) {
	ticker := time.NewTicker(stallTick)
	defer ticker.Stop()
	for last := time.Now(); ctx.Err() == nil; {
		<-ticker.C
		now := time.Now()
		if now.Sub(last) > 5*stallTick {
			s.mu.Lock()
			s.known = append(s.known, stall{last, now})
			s.mu.Unlock()
		}
		last = now
	}
}

// within adds up the stalls between two times.
func (s *stalls) within(from, to time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum time.Duration
	for _, stall := range s.known {
		begin, end := stall.from, stall.to
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		sum += max(0, end.Sub(begin))
	}
	return sum
}
