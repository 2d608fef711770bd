package bench

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// client sends requests to Vault over a fixed number of connections that stay open.
type client struct {
	vault       *stage
	connections uint64
	http        http.Client
}

func (s *stage) client(t *testing.T, connections int) *client {
	t.Helper()
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{s, uint64(connections), http.Client{Transport: transport, Timeout: vegeta.DefaultTimeout}}
}

// reads asks for the paths in turn, again and again.
func (s *stage) reads(paths ...string) vegeta.Targeter {
	targets := make([]vegeta.Target, len(paths))
	for i, path := range paths {
		targets[i] = s.target(http.MethodGet, path, "")
	}
	return vegeta.NewStaticTargeter(targets...)
}

func (s *stage) target(method, path, body string) vegeta.Target {
	return vegeta.Target{
		Method: method, URL: s.server.Addr + "/v1/" + path, Body: []byte(body), Header: http.Header{"X-Vault-Token": {s.root.Token()}},
	}
}

// plan is what all connections of a client do, each one request after the other.
type plan struct {
	targets  vegeta.Targeter
	pacer    vegeta.Pacer
	duration time.Duration // how long requests are begun; 0 leaves it to the pacer
}

// atOnce paces a number of requests that begin as soon as there are connections for them.
type atOnce uint64

// Pace implements vegeta.Pacer.
func (n atOnce) Pace(_ time.Duration, begun uint64) (wait time.Duration, stop bool) {
	return 0, begun >= uint64(n)
}

// Rate implements vegeta.Pacer, which isn't asked for it.
func (atOnce) Rate(time.Duration) float64 { return 0 }

// asFastAsPossible paces requests by the answers.
func asFastAsPossible() vegeta.Pacer { return vegeta.ConstantPacer{} }

// load is what one round of requests took. Its histogram has those that waited for a slow IMS apart.
type load struct {
	vegeta.Metrics

	cpu float64 // that serving it took, in seconds
}

// The figures of a load: reads in a second, and times in ms. Processor time hardly depends on what else the machine does.
func rate(l load) float64       { return l.Throughput }
func p99(l load) float64        { return l.Latencies.P99.Seconds() * 1e3 }
func slowest(l load) float64    { return l.Latencies.Max.Seconds() * 1e3 }
func cpuPerRead(l load) float64 { return l.cpu * 1e3 / float64(l.Requests) }

// do carries a plan out. All requests must succeed.
func (c *client) do(t *testing.T, p plan) load {
	t.Helper()
	attacker := vegeta.NewAttacker(vegeta.Client(&c.http), vegeta.Workers(c.connections), vegeta.MaxWorkers(c.connections))
	l := load{Metrics: vegeta.Metrics{Histogram: &vegeta.Histogram{Buckets: vegeta.Buckets{0, slowExchange / 2}}}}
	before := c.vault.cpu(t)
	for result := range attacker.Attack(p.targets, p.pacer, p.duration, "") {
		l.Add(result)
	}
	l.Close()
	l.cpu = c.vault.cpu(t) - before
	require.Empty(t, l.Errors)
	return l
}

// versus compares two plans over the same connections, after each was warmed up.
func (c *client) versus(t *testing.T, rounds int, product, floor plan) comparison[load] {
	t.Helper()
	for _, p := range []plan{product, floor} {
		p.duration = time.Second
		c.do(t, p)
	}
	return takeTurns(rounds, func() load { return c.do(t, product) }, func() load { return c.do(t, floor) })
}
