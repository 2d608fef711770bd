// Package measure reads from a Vault as fast as it answers, or at a pace, and compares what two sides took. It knows
// Vault's API as one path under which data is read, and nothing of what is measured.
package measure

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// requestTime bounds one read, so that a Vault that hangs ends the benchmark.
const requestTime = 30 * time.Second

// Client reads over a fixed number of connections that stay open. One method runs at a time. It uses net/http alone: a
// client with retries and decoding would add its own noise.
type Client struct {
	addr        string
	token       string
	connections []*http.Transport
}

// NewClient makes a client of the Vault at the base URL addr. Connections are opened by the first read.
func NewClient(addr, token string, connections int) *Client {
	c := &Client{addr: addr, token: token, connections: make([]*http.Transport, connections)}
	for i := range c.connections {
		c.connections[i] = &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}
	}
	return c
}

// Close closes the connections.
func (c *Client) Close() {
	for _, connection := range c.connections {
		connection.CloseIdleConnections()
	}
}

// Plan says what every connection reads, one read after the other.
type Plan struct {
	// Path is what is read, without v1. It is called by all connections at once.
	Path func() string
	// Duration is when connections stop to begin reads; zero means after one read each.
	Duration time.Duration
	// Pace is the time from one read's begin to the next one's, on each connection; zero means at once.
	Pace time.Duration
}

// Read carries the plan out. It returns the first error of any read, and an error for a status other than 200.
func (c *Client) Read(ctx context.Context, plan Plan) (Load, error) {
	latencies := make([][]time.Duration, len(c.connections))
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i, connection := range c.connections {
		group.Go(func() (err error) {
			latencies[i], err = c.readAlong(ctx, connection, plan)
			return err
		})
	}
	err := group.Wait()
	load := Load{Elapsed: time.Since(start), Latencies: slices.Concat(latencies...)}
	slices.Sort(load.Latencies)
	return load, err
}

// readAlong carries the plan out on one connection.
func (c *Client) readAlong(ctx context.Context, connection http.RoundTripper, plan Plan) ([]time.Duration, error) {
	pace := newPacer(plan.Pace)
	defer pace.stop()
	var latencies []time.Duration
	for start := time.Now(); ; {
		begun := time.Now()
		if err := c.get(ctx, connection, plan.Path()); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(begun))
		pace.wait()
		if time.Since(start) >= plan.Duration {
			return latencies, nil
		}
	}
}

// get reads the answer to its end, without which its connection couldn't be used again.
func (c *Client) get(ctx context.Context, connection http.RoundTripper, path string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.addr+"/v1/"+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("X-Vault-Token", c.token)
	resp, err := connection.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing is left in it
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reading %s: status %d", path, resp.StatusCode)
	}
	return nil
}
