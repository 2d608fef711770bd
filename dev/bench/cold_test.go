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
	coldReads = 500
	coldDelay = 300 * time.Millisecond
)

// coldReaders come all at once, each with a connection of its own, for a token that has never been minted.
func coldReaders(b *testing.B, vault *stage, table *report.Table) {
	b.Helper()
	paths := make([]string, rounds)
	scopes := []string{defaultScope}
	for i := range paths {
		paths[i] = fmt.Sprintf("cold/token/%d", i)
		scopes = append(scopes, coldScope(i))
	}
	ims := startIMS(b, time.Hour, scopes...)
	vault.mount(b, "cold", ims)
	for i := range paths {
		vault.write(b, fmt.Sprintf("cold/role/%d", i), map[string]any{"scopes": coldScope(i)})
	}
	c := vault.client(b, coldReads)
	once := func(path string) (measure.Load, error) { return c.Read(measure.Plan{Path: always(path)}) }
	floor := func() (measure.Load, error) { return once("floor/token") }
	_, err := floor() // opens the connections
	require.NoError(b, err)
	ims.Fault(emulator.Fault{Delay: coldDelay})

	var exchanges []int
	pairs, err := measure.Interleave(rounds, func() (measure.Load, error) {
		before, path := ims.Exchanges(), paths[len(exchanges)]
		load, err := once(path)
		exchanges = append(exchanges, ims.Exchanges()-before)
		return load, err
	}, floor)
	require.NoError(b, err)
	reportCold(table, pairs, slices.Max(exchanges))
}

func coldScope(i int) string { return fmt.Sprintf("cold-%d:read", i) }

func reportCold(table *report.Table, pairs []measure.Pair[measure.Load], exchanges int) {
	const name = "500 cold readers, IMS in 300 ms"
	table.Count(name+": exchanges", 1, exchanges, "the most of all rounds")
	ratio := measure.SpreadOf(pairs, func(p measure.Pair[measure.Load]) float64 {
		return p.Product.Slowest() / (coldDelay.Seconds() + p.Floor.Slowest())
	})
	table.AtMost(name+": last answer / (300 ms + floor's)", 1.50, ratio, times(pairs, "floor", measure.Load.Slowest))
}
