package bench

import (
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-itwin/dev/bench/measure"
	"vault-plugin-secrets-itwin/dev/bench/report"
)

// cachedReads is what nearly every read is: the token is there.
func cachedReads(b *testing.B, vault *stage, table *report.Table) {
	b.Helper()
	for _, connections := range []int{1, 8, 64} {
		c := vault.client(b, connections)
		product := measure.Plan{Path: always("itwin/token"), Duration: roundTime}
		floor := measure.Plan{Path: always("floor/token"), Duration: roundTime}
		pairs := vault.versus(b, c, rounds, product, floor)
		c.Close()

		name := fmt.Sprintf("cached read over %d", connections)
		table.AtLeast(name+": rate / floor", 0.97, measure.Ratios(pairs, measure.Load.Rate), rates(pairs, "floor"))
		table.AtMost(name+": p99 / floor", 1.10, measure.Ratios(pairs, measure.Load.P99), p99s(pairs, "floor"))
		table.Ratio(name+": processor time / floor", measure.Ratios(pairs, measure.Load.CPUPerRead), cpus(pairs))
	}
}

func rates(pairs []measure.Pair[measure.Load], other string) string {
	return fmt.Sprintf("%.0f reads/s, %s %.0f",
		measure.Products(pairs, measure.Load.Rate).Median, other, measure.Floors(pairs, measure.Load.Rate).Median)
}

func cpus(pairs []measure.Pair[measure.Load]) string {
	return times(pairs, "floor", measure.Load.CPUPerRead) + " of Vault and plugin a read"
}

func p99s(pairs []measure.Pair[measure.Load], other string) string {
	return times(pairs, other, measure.Load.P99)
}

func times(pairs []measure.Pair[measure.Load], other string, figure func(measure.Load) float64) string {
	return fmt.Sprintf("%s, %s %s",
		milliseconds(measure.Products(pairs, figure).Median), other, milliseconds(measure.Floors(pairs, figure).Median))
}

// milliseconds prints seconds with two digits after the point.
func milliseconds(seconds float64) string {
	return fmt.Sprintf("%.2f ms", seconds*float64(time.Second/time.Millisecond))
}
