package tokens

import "time"

const (
	minPassOn = 5 * time.Second
	maxPassOn = 30 * time.Second
)

// readOnly says that this node may not mint: while it has a usable token it passes
// one read on to the node that may, now and then.
type readOnly struct {
	since time.Time
	next  time.Time     // when the next read is passed on
	wait  time.Duration // between the latest and the next
}

// claim passes on the read that comes at now, and no other for 5 s, then for 10, 20
// and 30.
func (r *readOnly) claim(now time.Time) {
	r.wait = min(max(2*r.wait, minPassOn), maxPassOn)
	r.next = now.Add(r.wait)
}

// mayNotMint notes what x has found about this node.
func (e *entry) mayNotMint(x *exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.readOnly == nil {
		e.readOnly = &readOnly{since: x.started, next: x.started}
	}
}
