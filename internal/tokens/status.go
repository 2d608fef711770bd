package tokens

import "time"

// State is how a set of scopes fares.
type State string

// The states, from good to bad.
const (
	Idle     State = "idle"     // no token to hand out, and nobody asked for one of late
	Fresh    State = "fresh"    // a token that isn't due for rotation
	Renewing State = "renewing" // an exchange is under way, or due again after one failed
	Degraded State = "degraded" // the old token is handed out while minting fails
	Failing  State = "failing"  // minting fails, and readers get errors
)

// Status is what is known of a set of scopes.
type Status struct {
	Scope    string
	State    State
	Token    *Token // nil where none is held
	RotateAt time.Time
	Failure  *Failure // nil while minting works
}

// Status returns the status of a set of scopes. It asks nobody and starts nothing.
func (p *Pool) Status(scope string) Status {
	p.mu.RLock()
	e := p.entries[scope]
	p.mu.RUnlock()
	if e == nil {
		return Status{Scope: scope, State: Idle}
	}
	return p.status(scope, e)
}

// Statuses returns the status of every set of scopes in memory.
func (p *Pool) Statuses() []Status {
	all := make([]Status, 0)
	for scope, e := range p.all() {
		all = append(all, p.status(scope, e))
	}
	return all
}

func (p *Pool) status(scope string, e *entry) Status {
	e.mu.Lock()
	h, f, flying := e.held.Load(), e.failure, e.flying
	e.mu.Unlock()
	now := p.opts.Now()
	s := Status{Scope: scope, Failure: f}
	if h != nil && h.Left(now) > 0 {
		s.Token = h.Token
		s.RotateAt = h.RotateAt(p.settings.Load().RenewBefore)
	}
	fresh := s.Token != nil && p.isFresh(h, now, 0)
	switch {
	case fresh && f == nil && !flying:
		s.State = Fresh
	case fresh, flying && f == nil:
		s.State = Renewing
	case s.Token != nil && f != nil && h.Left(now) >= h.reserve():
		s.State = Degraded
	case f != nil:
		s.State = Failing
	default:
		s.State = Idle
	}
	return s
}
