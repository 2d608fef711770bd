package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/bench/measure"
	"vault-plugin-secrets-itwin/dev/bench/report"
	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	// A token of 12 s is renewed before it is 5 s old, so that every round sees a rollover.
	shortLifetime = 12 * time.Second
	rolloverRound = 6 * time.Second
	slowExchange  = 500 * time.Millisecond

	// rolloverPace keeps the machine from being busy: there the slowest read would tell of its queues.
	rolloverPace = 20 * time.Millisecond

	// rolloverRounds gives the slowest read, which a single hiccup makes, more rounds than others need.
	rolloverRounds = 9
)

// rollover compares reads while tokens are replaced with reads of a token that stays.
func rollover(b *testing.B, vault *stage, table *report.Table) {
	b.Helper()
	ims := startIMS(b, shortLifetime, defaultScope)
	vault.mount(b, "rollover", ims)
	ims.Fault(emulator.Fault{Delay: slowExchange})
	stop := keepInUse(b, vault.client(b, 1), "rollover/token")

	plan := func(path string) measure.Plan {
		return measure.Plan{Path: always(path), Duration: rolloverRound, Pace: rolloverPace}
	}
	before := ims.Exchanges()
	pairs := vault.versus(b, vault.client(b, 8), rolloverRounds, plan("rollover/token"), plan("itwin/token"))
	require.NoError(b, stop())

	const name = "rollover, 12 s tokens, IMS in 500 ms"
	table.AtMost(name+": p99 / steady", 1.20, measure.Ratios(pairs, measure.Load.P99), p99s(pairs, "steady"))
	table.AtMost(name+": slowest / steady", 1.20, measure.Ratios(pairs, measure.Load.Slowest),
		times(pairs, "steady", measure.Load.Slowest))
	product, steady := waiting(pairs)
	table.Count(name+": reads that waited for IMS", 0, product,
		fmt.Sprintf("steady, which can't wait for it: %d; slowest of all %s; %d exchanges", steady,
			milliseconds(measure.Products(pairs, measure.Load.Slowest).Max), ims.Exchanges()-before))
}

// keepInUse reads a path now and then until stop is called: a token that nobody reads would not be renewed.
func keepInUse(b *testing.B, c *measure.Client, path string) (stop func() error) {
	b.Helper()
	ended, done := make(chan struct{}), make(chan error, 1)
	go func() {
		ticker := time.NewTicker(slowExchange)
		defer ticker.Stop()
		for {
			if _, err := c.Read(measure.Plan{Path: always(path)}); err != nil {
				done <- err
				return
			}
			select {
			case <-ended:
				done <- nil
				return
			case <-ticker.C:
			}
		}
	}()
	return func() error {
		close(ended)
		return <-done
	}
}

// waiting counts reads that took at least half of what IMS takes: some wait for an exchange that has begun. What the
// steady side has of them, the machine made.
func waiting(pairs []measure.Pair[measure.Load]) (product, steady int) {
	for _, pair := range pairs {
		product += slow(pair.Product)
		steady += slow(pair.Floor)
	}
	return product, steady
}

func slow(load measure.Load) int {
	first, _ := slices.BinarySearch(load.Latencies, slowExchange/2)
	return len(load.Latencies) - first
}
