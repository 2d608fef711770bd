package tokens_test

import (
	"context"
	"fmt"
	"sync"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-itwin/internal/tokens"
)

// world is an app on two nodes, a provider and a storage that misbehave on
// demand, and a list of the rules that were broken. Everything happens in a
// synctest bubble: between two steps whatever can run has run.
type world struct {
	clock    *clock
	lifetime time.Duration

	mu          sync.Mutex
	renewBefore time.Duration
	share       float64       // of the most that jitter may be
	outage      error         // what exchanges end with
	gate        chan struct{} // exchanges wait for it to be closed
	failLoad    error
	failSave    error
	stored      map[string]*tokens.Token // by generation and scope
	rotations   map[string]time.Time     // of every token ever minted, by ID
	arrivals    map[string]time.Time     // when it was minted, by ID
	minted      int
	results     []answer
	broken      []string

	generation int
	leader     *node
	standby    *node
	retired    []*node
	background sync.WaitGroup
}

// node is one pool and what the rules need to know of it.
type node struct {
	*world
	pool         *tokens.Pool
	generation   int
	mayMint      bool
	over         bool
	rotatedAfter time.Time
	running      int
	scopes       map[string]*account
}

// account is what one node has done for one set of scopes.
type account struct {
	running   int
	notBefore time.Time // of the next exchange; zero while minting works
	rotating  int       // callers of Rotate, who don't wait
	wishes    int       // readers who asked for more life
	newest    *tokens.Token
	last      time.Time // rotation
	unsaved   string    // ID of the token that storage refused
}

// answer is what a reader was given.
type answer struct {
	node    *node
	at      time.Time
	scope   string
	minLife time.Duration
	served  tokens.Served
	err     error
}

func newWorld(lifetime, renewBefore time.Duration) *world {
	w := &world{
		clock:       newClock(),
		lifetime:    lifetime,
		renewBefore: renewBefore,
		stored:      make(map[string]*tokens.Token),
		rotations:   make(map[string]time.Time),
		arrivals:    make(map[string]time.Time),
	}
	w.begin(time.Time{})
	return w
}

// begin starts both nodes with a new generation.
func (w *world) begin(rotatedAfter time.Time) {
	w.generation++
	w.leader = w.newNode(true, rotatedAfter)
	w.standby = w.newNode(false, rotatedAfter)
}

func (w *world) newNode(mayMint bool, rotatedAfter time.Time) *node {
	n := &node{
		world:        w,
		generation:   w.generation,
		mayMint:      mayMint,
		rotatedAfter: rotatedAfter,
		scopes:       make(map[string]*account),
	}
	n.pool = tokens.NewPool(tokens.Options{
		Now:          w.clock.Now,
		Jitter:       w.jitter,
		Wake:         func() {},
		Observe:      n.observe,
		RotatedAfter: rotatedAfter,
	}, n.settings())
	return n
}

func (n *node) settings() tokens.Settings {
	return tokens.Settings{
		Mint: n.mint,
		MayMint: func() error {
			if n.mayMint {
				return nil
			}
			return errStandby
		},
		RenewBefore: n.renewBefore,
		Store:       n,
	}
}

func (w *world) jitter(most time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.share * float64(most))
}

// restart is a new leader of the same generation.
func (w *world) restart() {
	before := w.leader
	w.retire(before)
	w.leader = w.newNode(true, before.rotatedAfter)
	w.mu.Lock()
	defer w.mu.Unlock()
	for scope, a := range before.scopes {
		if a.unsaved == "" {
			w.leader.account(scope).last = a.last
		}
	}
}

func (w *world) retire(n *node) {
	w.mu.Lock()
	n.over = true
	w.mu.Unlock()
	n.pool.Retire()
	w.retired = append(w.retired, n)
}

// end leaves nothing running.
func (w *world) end() {
	w.answerAll()
	w.retire(w.leader)
	w.retire(w.standby)
	for _, n := range w.retired {
		n.pool.Wait()
	}
	w.background.Wait()
}

// answerAll ends the exchanges that hang.
func (w *world) answerAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gate != nil {
		close(w.gate)
		w.gate = nil
	}
}

// read starts a reader and returns when it has an answer or waits.
func (n *node) read(scope string, minLife time.Duration) {
	n.inBackground(func() {
		n.expect(scope, 0, minLife)
		served, err := n.pool.Token(context.Background(), scope, minLife)
		n.expect(scope, 0, -minLife)
		n.note(answer{node: n, scope: scope, minLife: minLife, served: served, err: err})
	})
}

func (n *node) rotate(scope string) {
	n.inBackground(func() {
		n.expect(scope, 1, 0)
		served, err := n.pool.Rotate(context.Background(), scope)
		n.expect(scope, -1, 0)
		if err == nil {
			n.note(answer{node: n, scope: scope, served: served})
		}
	})
}

func (n *node) inBackground(f func()) {
	n.background.Go(f)
	synctest.Wait()
}

// expect notes who justifies an exchange.
func (n *node) expect(scope string, rotating int, minLife time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.account(scope)
	a.rotating += rotating
	switch {
	case minLife > 0:
		a.wishes++
	case minLife < 0:
		a.wishes--
	}
}

func (w *world) note(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.at = w.clock.Now()
	w.results = append(w.results, a)
}

// account makes the account where there is none; mu is held.
func (n *node) account(scope string) *account {
	a := n.scopes[scope]
	if a == nil {
		a = &account{}
		n.scopes[scope] = a
	}
	return a
}

// forget is what another node's write does to this one.
func (n *node) forget() {
	n.mu.Lock()
	for _, a := range n.scopes {
		a.newest = nil
	}
	n.mu.Unlock()
	n.pool.Forget(func(string) bool { return true })
}

// Load implements tokens.Store.
func (n *node) Load(_ context.Context, scope string) (*tokens.Token, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stored[n.key(scope)], n.failLoad
}

// Save implements tokens.Store.
func (n *node) Save(_ context.Context, t *tokens.Token) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.require(!n.over, "a retired pool stored a token")
	if n.failSave == nil {
		n.stored[n.key(t.Scope)] = t
	}
	return n.failSave
}

func (n *node) key(scope string) string { return fmt.Sprintf("%d/%s", n.generation, scope) }
