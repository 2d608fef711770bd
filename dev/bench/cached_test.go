package bench

import (
	"fmt"
	"testing"
)

// cachedReads is what nearly every read is: the token is there.
func cachedReads(t *testing.T, vault *stage, results *table) {
	t.Helper()
	for _, connections := range []int{1, 8, 64} {
		product := plan{vault.reads("itwin/token"), asFastAsPossible(), roundTime}
		floor := plan{vault.reads("floor/token"), asFastAsPossible(), roundTime}
		got := vault.client(t, connections).versus(t, rounds, product, floor)

		name := fmt.Sprintf("cached read over %d", connections)
		results.ratio(name+": rate / floor", atLeast(0.97), got.ratio(rate), got.show("%.0f reads/s, floor %.0f", rate))
		results.ratio(name+": p99 / floor", atMost(1.1), got.ratio(p99), got.show("%.2f ms, floor %.2f ms", p99))
		results.ratio(name+": processor time / floor", target{}, got.ratio(cpuPerRead),
			got.show("%.2f ms, floor %.2f ms of Vault and plugin a read", cpuPerRead))
	}
}
