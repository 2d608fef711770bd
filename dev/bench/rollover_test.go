package bench

import (
	"fmt"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	// A token of 12 s is renewed before it is 5 s old, so that every round sees a rollover.
	shortLifetime = 12 * time.Second
	rolloverRound = 6 * time.Second
	slowExchange  = 500 * time.Millisecond

	// rolloverPace keeps the machine from being busy: the slowest read would then show its queues.
	rolloverPace = 20 * time.Millisecond

	// rolloverRounds gives the slowest read, which a single hiccup makes, longer rounds than others, and so fewer of them.
	rolloverRounds = 9

	rolloverConnections = 8
)

// rollover compares reads while tokens are replaced with reads of a token that stays.
func rollover(t *testing.T, vault *stage, results *table) {
	t.Helper()
	ims := startIMS(t, shortLifetime)
	vault.mount(t, "rollover", ims)
	ims.Fault(emulator.Fault{Delay: slowExchange})
	paced := vegeta.Rate{Freq: rolloverConnections, Per: rolloverPace}
	replaced := plan{vault.reads("rollover/token"), paced, rolloverRound}
	stays := plan{vault.reads("itwin/token"), paced, rolloverRound}
	c := vault.client(t, rolloverConnections)
	before := ims.Exchanges()
	got := takeTurns(rolloverRounds, func() load {
		// The token isn't renewed while nobody reads it.
		c.do(t, plan{replaced.targets, atOnce(rolloverConnections), 0})
		return c.do(t, replaced)
	}, func() load { return c.do(t, stays) })
	exchanges := ims.Exchanges() - before

	// Reads that took half of what IMS takes have waited for it: some wait for an exchange that has begun. If the steady
	// side has any, the machine made them.
	var waited, steady uint64
	for _, round := range got {
		waited += round.product.Histogram.Counts[1]
		steady += round.floor.Histogram.Counts[1]
	}
	const name = "rollover, 12 s tokens, IMS in 500 ms"
	results.ratio(name+": p99 / steady", atMost(1.2), got.ratio(p99), got.show("%.2f ms, steady %.2f ms", p99))
	results.ratio(name+": slowest / steady", atMost(1.2), got.ratio(slowest), got.show("%.2f ms, steady %.2f ms", slowest))
	results.figure(name+": reads that waited for IMS", exactly(0), float64(waited), "",
		fmt.Sprintf("steady, which can't wait for it: %d; slowest of all %.2f ms; %d exchanges", steady,
			got.spread(func(product, _ load) float64 { return slowest(product) }).max, exchanges))
}
