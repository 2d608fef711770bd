package tokens_test

import (
	"context"
	"fmt"
	"sync"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// limit is the request timeout of the world's app.
const limit = 10 * time.Second

// world is an app on two nodes, a provider and a storage that misbehave on
// demand, and a list of the rules that were broken. Everything happens in a
// synctest bubble, whose time is the clock: between two steps whatever can run has
// run.
type world struct {
	lifetime time.Duration

	mu          sync.Mutex
	renewBefore time.Duration
	share       float64       // of the most that jitter may be
	outage      error         // what exchanges end with
	gate        chan struct{} // exchanges wait for it to be closed
	deaf        bool          // they don't obey their cancellation
	repeats     bool          // the provider returns the token that it returned last
	slowMint    time.Duration
	slowLoad    time.Duration
	slowSave    time.Duration
	failLoad    error
	failSave    error
	stored      map[string]*tokens.Token // by generation and scope
	rotations   map[string]time.Time     // of every token ever stored or minted, by ID
	epochs      map[string]int           // of the exchange that brought it, by ID
	configured  time.Time
	minted      int
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
	scopes       map[scopes.Set]*account
}

// account is what one node has done for one set of scopes.
type account struct {
	running   []*flight
	epoch     int       // how many grants were adopted
	failed    time.Time // when the latest exchange did
	notBefore time.Time // of the next exchange; zero while minting works
	urgent    time.Time // of the next for a reader without a usable token
	rotating  int       // callers of Rotate, who don't wait
	wishes    int       // readers who asked for more life
	excused   time.Time // until when one of these may still justify an exchange
	newest    *tokens.Token
	arrived   time.Time // when it became the newest
	forgotten bool      // another node's token replaced it, it was said
	repeated  bool
	askAgain  time.Time // of a repeated token
	passedOn  time.Time
	last      time.Time // rotation
	unsaved   string    // ID of the token that storage refused
	returned  string    // by the provider, last
}

// flight is an exchange that IMS knows of.
type flight struct {
	began time.Time
	epoch int
}

// usable reports whether the newest token is good enough for a reader at now.
func (a *account) usable(now time.Time, minLife time.Duration) bool {
	if a.newest == nil {
		return false
	}
	least := max(minLife, min(time.Minute, a.newest.Lifetime/10))
	if a.repeated {
		least = max(minLife, 1)
	}
	return a.newest.Left(now) >= least
}

// slowFor is how long the exchange under way has been at IMS.
func (a *account) slowFor(now time.Time) time.Duration {
	longest := time.Duration(0)
	for _, f := range a.running {
		if f.epoch == a.epoch {
			longest = max(longest, now.Sub(f.began))
		}
	}
	return longest
}

// call is one read and its answer.
type call struct {
	node     *node
	scope    scopes.Set
	minLife  time.Duration
	arrived  time.Time
	took     time.Duration
	previous *tokens.Token // that was usable on arrival
	slow     bool          // and an exchange had taken longer than the grace
	served   tokens.Served
	err      error
}

func newWorld(lifetime, renewBefore time.Duration) *world {
	w := &world{
		lifetime:    lifetime,
		renewBefore: renewBefore,
		stored:      make(map[string]*tokens.Token),
		rotations:   make(map[string]time.Time),
		epochs:      make(map[string]int),
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
		scopes:       make(map[scopes.Set]*account),
	}
	n.pool = tokens.NewPool(tokens.Options{
		Now:          now,
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
		Timeout:     limit,
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
	synctest.Wait()
	w.retire(w.leader)
	w.retire(w.standby)
	for _, n := range w.retired {
		_ = n.pool.Wait(context.Background())
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
func (n *node) read(scope scopes.Set, minLife time.Duration) {
	n.inBackground(func() {
		c := n.arrive(scope, minLife)
		c.served, c.err = n.pool.Token(context.Background(), scope, minLife)
		n.leave(c)
	})
}

func (n *node) arrive(scope scopes.Set, minLife time.Duration) *call {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := &call{node: n, scope: scope, minLife: minLife, arrived: now()}
	a := n.account(scope)
	if minLife > 0 {
		a.wishes++
	}
	if a.usable(c.arrived, minLife) {
		c.previous, c.slow = a.newest, a.slowFor(c.arrived) >= time.Second
	}
	return c
}

func (n *node) leave(c *call) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.account(c.scope)
	c.took = now().Sub(c.arrived)
	if c.minLife > 0 {
		a.wishes--
		a.excused = now().Add(limit)
	}
	n.judgeWait(c)
	if c.err != nil {
		n.judgeError(c)
		return
	}
	n.judgeToken(c)
	n.judgeTTL(c)
}

func (n *node) rotate(scope scopes.Set) {
	n.inBackground(func() {
		n.expectRotation(scope, 1)
		served, err := n.pool.Rotate(context.Background(), scope)
		n.expectRotation(scope, -1)
		if err == nil {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.judgeToken(&call{node: n, scope: scope, served: served})
		}
	})
}

func (n *node) expectRotation(scope scopes.Set, by int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.account(scope)
	a.rotating += by
	a.excused = now().Add(limit)
}

// adopt gives the node a grant that a config write has verified.
func (n *node) adopt(scope scopes.Set) {
	n.inBackground(func() {
		n.mu.Lock()
		a := n.account(scope)
		a.epoch++
		n.minted++
		a.returned = fmt.Sprintf("%s/%d", n.key(scope), n.minted)
		g := grant(a.returned, now(), n.lifetime)
		n.epochs[tokens.ID(g.AccessToken)] = a.epoch
		n.mu.Unlock()
		began := now()
		err := n.pool.Adopt(context.Background(), scope, g)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.require(err == nil || n.over, "adopting: %v", err)
		n.require(now().Sub(began) <= 5*time.Second, "adopting took %s", now().Sub(began))
	})
}

func (n *node) inBackground(f func()) {
	n.background.Go(f)
	synctest.Wait()
}

// now is the bubble's time, without the monotonic reading that storage would lose.
func now() time.Time { return time.Now().UTC().Round(0) }

// account makes the account where there is none; mu is held.
func (n *node) account(scope scopes.Set) *account {
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
		a.forgotten = true
	}
	n.mu.Unlock()
	n.pool.Forget(func(scopes.Set) bool { return true })
}

// Load implements tokens.Store.
func (n *node) Load(ctx context.Context, scope scopes.Set) (*tokens.Token, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.dawdle(ctx, n.slowLoad); err != nil {
		return nil, err
	}
	return n.stored[n.key(scope)], n.failLoad
}

// Save implements tokens.Store.
func (n *node) Save(ctx context.Context, t *tokens.Token) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.dawdle(ctx, n.slowSave); err != nil {
		return err
	}
	n.require(!n.over, "a retired pool stored a token")
	if n.failSave == nil {
		n.stored[n.key(t.Scopes)] = t
		n.rotations[t.ID] = t.RotatedAt
	}
	return n.failSave
}

// dawdle lets time pass with mu released, until ctx ends.
func (w *world) dawdle(ctx context.Context, d time.Duration) error {
	if d > 0 {
		w.mu.Unlock()
		defer w.mu.Lock()
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (n *node) key(scope scopes.Set) string { return fmt.Sprintf("%d/%s", n.generation, scope) }
