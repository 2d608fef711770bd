package vaulttest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pollInterval is how often Wait looks.
const pollInterval = 50 * time.Millisecond

// Wait calls ready until it returns nil, and fails the test with its last error after the limit.
func Wait(tb testing.TB, limit time.Duration, what string, ready func() error) {
	tb.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoErrorf(tb, err, "waiting %s for %s", limit, what)
		}
		time.Sleep(pollInterval)
	}
}
