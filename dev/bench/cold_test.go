package bench

import (
	"testing"
	"time"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	coldReads = 500
	coldDelay = 300 * time.Millisecond
)

// coldReaders come all at once, each with a connection of its own, for a token that has never been minted: each round
// has a role and a scope of its own.
func coldReaders(t *testing.T, vault *stage, results *table) {
	t.Helper()
	ims := startIMS(t, time.Hour)
	vault.mount(t, "cold", ims)
	for i := range rounds {
		vault.write(t, "cold/role/"+roleName(i), map[string]any{"scopes": scopeOf(i)})
	}
	c := vault.client(t, coldReads)
	once := func(path string) load { return c.do(t, plan{vault.reads(path), atOnce(coldReads), 0}) }
	once("floor/token") // opens the connections
	ims.Fault(emulator.Fault{Delay: coldDelay})

	most, round := 0, 0
	got := takeTurns(rounds, func() load {
		before := ims.Exchanges()
		l := once("cold/token/" + roleName(round))
		most, round = max(most, ims.Exchanges()-before), round+1
		return l
	}, func() load { return once("floor/token") })

	const name = "500 cold readers, IMS in 300 ms"
	results.figure(name+": exchanges", exactly(1), float64(most), "", "the most of all rounds")
	ratio := got.spread(func(product, floor load) float64 {
		return slowest(product) / (float64(coldDelay.Milliseconds()) + slowest(floor))
	})
	results.ratio(name+": last answer / (300 ms + floor's)", atMost(1.5), ratio, got.show("%.2f ms, floor %.2f ms", slowest))
}
