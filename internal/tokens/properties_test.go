package tokens_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"vault-plugin-secrets-itwin/internal/scopes"
)

// TestRulesHoldWhateverHappens runs random histories of an app; rules_test.go
// states what must hold in each of them.
func TestRulesHoldWhateverHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// rapid would ask a *testing.T for its deadline, which a bubble has not.
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) {
			w := newWorld(
				duration(rt, "lifetime", 4*time.Second, 24*time.Hour),
				duration(rt, "renew before", time.Second, 24*time.Hour),
			)
			defer w.end()
			rt.Repeat(w.actions())
		})
	})
}

// duration draws short ones as often as long ones.
func duration(rt *rapid.T, label string, least, most time.Duration) time.Duration {
	scale := rapid.SampledFrom([]time.Duration{10 * time.Second, 10 * time.Minute, 2 * time.Hour, most}).Draw(rt, label+" up to")
	most = max(least, min(most, scale))
	return time.Duration(rapid.Int64Range(int64(least), int64(most)).Draw(rt, label)).Truncate(time.Millisecond)
}

// anyScope draws one scope more often than all the others together, so that
// something comes of it.
func anyScope(rt *rapid.T) scopes.Set {
	return scoped(fmt.Sprintf("scope-%d", max(0, rapid.IntRange(-6, 3).Draw(rt, "scope"))))
}

func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": func(rt *rapid.T) {
			synctest.Wait()
			if broken := w.judge(); broken != "" {
				rt.Fatal(broken)
			}
		},
		"read":             func(rt *rapid.T) { w.leader.read(anyScope(rt), 0) },
		"read once more":   func(rt *rapid.T) { w.leader.read(anyScope(rt), 0) },
		"read with a wish": w.readWithWish,
		"read everything":  func(*rapid.T) { w.readEverything() },
		"read at standby":  func(rt *rapid.T) { w.standby.read(anyScope(rt), 0) },
		"read at retired":  w.readAtRetired,
		"tell standby":     func(*rapid.T) { w.standby.forget() },
		"tell leader":      func(*rapid.T) { w.leader.forget() },
		"pass":             w.pass,
		"pass a little":    func(rt *rapid.T) { pass(duration(rt, "time", 0, 3*time.Second)) },
		"slow down":        w.slowDown,
		"repeat":           func(rt *rapid.T) { w.repeats = rapid.Bool().Draw(rt, "repeats") },
		"pass to a change": w.passToAChange,
		"roll the dice":    func(rt *rapid.T) { w.share = rapid.Float64Range(0, 1).Draw(rt, "share") },
		"renew":            func(*rapid.T) { w.leader.pool.Renew(); w.standby.pool.Renew() },
		"rotate":           func(rt *rapid.T) { w.leader.rotate(anyScope(rt)) },
		"adopt":            func(rt *rapid.T) { w.leader.adopt(anyScope(rt)) },
		"restart":          func(*rapid.T) { w.restart() },
		"configure":        w.configure,
		"new generation":   func(*rapid.T) { w.newGeneration() },
		"break or mend":    w.breakOrMend,
		"break for long":   w.breakForLong,
		"break storage":    w.breakStorage,
		"hang":             w.hang,
		"answer late":      w.answerLate,
		"answer":           func(*rapid.T) { w.answerAll() },
	}
}

func (w *world) hang(rt *rapid.T) {
	w.answerAll()
	synctest.Wait()
	w.gate = make(chan struct{})
	w.deaf = rapid.Bool().Draw(rt, "deaf")
}

// slowDown draws how long IMS and the store take: nothing, less than the grace,
// more, or more than the limit.
func (w *world) slowDown(rt *rapid.T) {
	draw := func(label string) time.Duration {
		return rapid.SampledFrom([]time.Duration{
			0, 0, 0, 300 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second, time.Minute,
		}).Draw(rt, label+" takes")
	}
	w.slowMint, w.slowLoad, w.slowSave = draw("minting"), draw("loading"), draw("saving")
}

// answerLate is an exchange that takes up to two lifetimes.
func (w *world) answerLate(rt *rapid.T) {
	w.hang(rt)
	w.leader.read(anyScope(rt), 0)
	w.pass(rt)
	w.answerAll()
}

func (w *world) readWithWish(rt *rapid.T) {
	percent := rapid.IntRange(1, 100).Draw(rt, "percent of a life")
	w.leader.read(anyScope(rt), w.lifetime/100*time.Duration(percent))
}

func (w *world) readEverything() {
	for n := range 10 {
		w.leader.read(scoped(fmt.Sprintf("scope-%d", n)), 0)
	}
}

func (w *world) readAtRetired(rt *rapid.T) {
	if len(w.retired) == 0 {
		rt.Skip("no pool was retired")
	}
	w.retired[len(w.retired)-1].read(anyScope(rt), 0)
}

func (w *world) pass(rt *rapid.T) {
	pass(duration(rt, "time", 0, 2*w.lifetime))
}

// passToAChange goes to where rules change, or just beside it.
func (w *world) passToAChange(rt *rapid.T) {
	to, ok := w.anyChange(rt)
	if !ok {
		rt.Skip("nothing is held")
	}
	to = to.Add(time.Duration(rapid.IntRange(-2, 2).Draw(rt, "beside")))
	pass(max(0, to.Sub(now())))
}

func (w *world) anyChange(rt *rapid.T) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.leader.account(anyScope(rt))
	t := a.newest
	if t == nil {
		return time.Time{}, false
	}
	rotation := t.RotateAt(w.renewBefore)
	return rapid.SampledFrom([]time.Time{
		rotation.Add(-min(time.Minute, t.RotationPeriod(w.renewBefore)/4)),
		rotation,
		t.ExpiresAt().Add(-min(time.Minute, w.lifetime/10)),
		t.ExpiresAt(),
		a.notBefore,
		a.urgent,
		a.askAgain,
	}).Draw(rt, "to"), true
}

func (w *world) configure(rt *rapid.T) {
	w.configured = now()
	w.renewBefore = duration(rt, "renew before", time.Second, 24*time.Hour)
	for _, n := range []*node{w.leader, w.standby} {
		for _, a := range n.scopes {
			a.notBefore, a.urgent, a.passedOn = time.Time{}, time.Time{}, time.Time{}
		}
		n.pool.Configure(n.settings())
	}
}

func (w *world) newGeneration() {
	rotatedAfter := w.leader.pool.LastRotation()
	w.retire(w.leader)
	w.retire(w.standby)
	w.begin(rotatedAfter)
}

func (w *world) breakOrMend(rt *rapid.T) {
	w.outage = rapid.SampledFrom([]error{
		nil, nil, errOutage, busy(2 * time.Second), busy(5 * time.Minute),
	}).Draw(rt, "outage")
}

// breakForLong is an outage that readers of one token see until the waits between
// attempts are at their longest.
func (w *world) breakForLong(rt *rapid.T) {
	scope := anyScope(rt)
	w.outage = errOutage
	for range 6 {
		w.leader.read(scope, 0)
		w.mu.Lock()
		next := w.leader.account(scope).notBefore
		w.mu.Unlock()
		pass(max(0, next.Sub(now())))
	}
	w.leader.read(scope, 0)
	pass(duration(rt, "time", 0, 20*time.Second))
	w.leader.read(scope, 0)
}

func (w *world) breakStorage(rt *rapid.T) {
	var failure error
	if rapid.Bool().Draw(rt, "fails") {
		failure = errOutage
	}
	if rapid.Bool().Draw(rt, "on load") {
		w.failLoad = failure
	} else {
		w.failSave = failure
	}
}
