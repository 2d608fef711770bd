// Package measure reads from a Vault as fast as it answers, or at a pace, and compares what two sides took. It knows
// Vault's API as one path under which data is read, and nothing of what is measured.
package measure

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Client reads over a fixed number of connections that stay open.
type Client struct {
	addr, token string
	connections int
	http        *http.Client
}

// NewClient makes a client of the Vault at the base URL addr. Connections are opened by the first read. A read that takes
// longer than vegeta.DefaultTimeout fails.
func NewClient(addr, token string, connections int) *Client {
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true}
	return &Client{addr: addr, token: token, connections: connections, http: &http.Client{
		Transport: transport, Timeout: vegeta.DefaultTimeout,
	}}
}

// Close closes the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Plan says what every connection reads, one read after the other.
type Plan struct {
	// Path is what is read, without v1. It is called by all connections at once.
	Path func() string
	// Duration is how long reads are begun; zero means one read for each connection, all begun at once.
	Duration time.Duration
	// Pace is the time between the starts of two reads on a connection; zero means as fast as Vault answers.
	Pace time.Duration
}

// pacer is vegeta's for the plan.
func (p Plan) pacer(connections int) vegeta.Pacer {
	switch {
	case p.Duration == 0:
		return once(connections)
	case p.Pace == 0:
		return vegeta.ConstantPacer{} // as fast as the connections allow
	}
	return vegeta.ConstantPacer{Freq: connections, Per: p.Pace}
}

// once paces a number of reads that all begin at once.
type once uint64

// Pace begins the next read at once, or ends the round.
func (n once) Pace(_ time.Duration, begun uint64) (wait time.Duration, stop bool) {
	return 0, begun >= uint64(n)
}

// Rate is there for vegeta's interface, and isn't asked.
func (once) Rate(time.Duration) float64 { return 0 }

// Read carries the plan out. It returns the first error of any read, and an error for a status other than 200.
func (c *Client) Read(plan Plan) (Load, error) {
	attacker := vegeta.NewAttacker(vegeta.Client(c.http),
		vegeta.Workers(uint64(c.connections)), vegeta.MaxWorkers(uint64(c.connections)))
	target := func(t *vegeta.Target) error {
		*t = vegeta.Target{Method: http.MethodGet, URL: c.addr + "/v1/" + plan.Path(), Header: http.Header{"X-Vault-Token": {c.token}}}
		return nil
	}
	var load Load
	var failed error
	start := time.Now()
	for result := range attacker.Attack(target, plan.pacer(c.connections), plan.Duration, "") {
		load.Latencies = append(load.Latencies, result.Latency)
		if err := check(result); err != nil && failed == nil {
			failed = err
			attacker.Stop()
		}
	}
	load.Elapsed = time.Since(start)
	slices.Sort(load.Latencies)
	return load, failed
}

func check(result *vegeta.Result) error {
	switch {
	case result.Error != "" && result.Code == 0:
		return fmt.Errorf("reading %s: %w", result.URL, errors.New(result.Error))
	case result.Code != http.StatusOK:
		return fmt.Errorf("reading %s: status %d", result.URL, result.Code)
	}
	return nil
}
