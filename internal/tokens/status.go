package tokens

import (
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
)

// State is how a set of scopes fares.
type State string

// The states, from best to worst.
const (
	Idle     State = "idle"     // no token to hand out, and no recent reader
	Fresh    State = "fresh"    // a token that isn't due for rotation
	Renewing State = "renewing" // an exchange is under way, or due again after one failed
	Degraded State = "degraded" // the previous token is handed out because a new one is delayed
	Failing  State = "failing"  // minting fails, and readers get errors
)

// Status is what is known about a set of scopes.
type Status struct {
	Scopes   scopes.Set
	State    State
	Token    *Token // nil if none is held
	RotateAt time.Time
	Failure  *Failure // nil while minting works
	Delay    *Delay   // of Degraded alone: what readers are told
}

// Status returns the status of a set of scopes. It asks nobody and starts nothing.
func (p *Pool) Status(set scopes.Set) Status {
	p.mu.RLock()
	e := p.entries[set]
	p.mu.RUnlock()
	if e == nil {
		return Status{Scopes: set, State: Idle}
	}
	return p.status(e)
}

// Statuses returns the status of every set of scopes in memory.
func (p *Pool) Statuses() []Status {
	all := make([]Status, 0)
	for _, e := range p.all() {
		all = append(all, p.status(e))
	}
	return all
}

func (p *Pool) status(e *entry) Status {
	now, settings := p.opts.Now(), p.settings.Load()
	e.mu.Lock()
	s := e.lockedSnapshot(now, settings)
	e.mu.Unlock()
	known := Status{Scopes: e.scopes, State: s.state(), Failure: s.failure}
	if s.held != nil && s.Left(now) > 0 {
		known.Token = s.Token
		known.RotateAt = s.RotateAt(settings.RenewBefore)
	}
	switch {
	case known.State == Degraded:
		known.Delay = s.delay()
	case !s.isUsable(0):
		known.Failure = s.failure.urgently()
	}
	return known
}

func (s *snapshot) state() State {
	fresh, usable := s.isFresh(0), s.isUsable(0)
	slow := s.exchange != nil && s.now.Sub(s.exchange.started) >= grace
	switch {
	case fresh && s.failure == nil && s.exchange == nil:
		return Fresh
	case fresh:
		return Renewing
	case usable && (s.failure != nil || s.readOnly != nil || slow):
		return Degraded
	case s.exchange != nil && s.failure == nil:
		return Renewing
	case s.failure != nil:
		return Failing
	}
	return Idle
}
