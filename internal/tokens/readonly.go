package tokens

import "time"

const (
	minPassOn = 5 * time.Second
	maxPassOn = 30 * time.Second
)

// readOnly says that this node may not mint: while it has a usable token it passes
// one read on to the node that may, now and then.
type readOnly struct {
	since  time.Time
	next   time.Time // when the next read is passed on
	passed int       // how many were, since anything new arrived
}

// claim leaves the turn of a reader who comes at now to that reader alone. The next
// is 5 s later, then 10, 20 and 30.
func (r *readOnly) claim(now time.Time) {
	wait := maxPassOn
	if r.passed < 3 {
		wait = minPassOn << r.passed
	}
	r.next = now.Add(wait)
	r.passed++
}

// mayNotMint notes what x has found about this node.
func (e *entry) mayNotMint(x *exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.readOnly == nil {
		e.readOnly = &readOnly{since: x.started, next: x.started}
	}
}
