package itwin

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	metricsNamespace = "itwin"
	labelApp         = "app"
	labelOutcome     = "outcome"

	outcomeMinted   = "minted"
	outcomeRepeated = "repeated"
)

// exchangeMetrics measures the duration of a mount's exchanges.
type exchangeMetrics struct {
	duration *prometheus.HistogramVec
}

func newExchangeMetrics() *exchangeMetrics {
	return &exchangeMetrics{duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: metricsNamespace,
		Name:      "exchange_duration_seconds",
		Help:      "Duration of the exchanges that itwin_exchanges_total counts, by outcome.",
		Buckets:   []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{labelApp, labelOutcome})}
}

func (m *exchangeMetrics) exchanged(app string, err error, took time.Duration) {
	outcome := outcomeMinted
	if err != nil {
		outcome = tokens.Category(err)
	}
	m.duration.WithLabelValues(configKey(app), outcome).Observe(took.Seconds())
}

// forget drops the metrics of an app that was deleted.
func (m *exchangeMetrics) forget(app string) {
	m.duration.DeletePartialMatch(prometheus.Labels{labelApp: configKey(app)})
}

// tokenCollector reads the tallies and tokens of a mount at each scrape.
type tokenCollector struct{ b *backend }

type descriptions struct {
	started, reads, exchanges, coalesced, rotation, expiry, failing, degraded *prometheus.Desc
}

func describe() descriptions {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(metricsNamespace, "", name), help, append([]string{labelApp}, labels...), nil)
	}
	return descriptions{
		started: prometheus.NewDesc(prometheus.BuildFQName(metricsNamespace, "", "start_time_seconds"),
			"When the counts began, in seconds since 1970.", nil, nil),
		reads: desc("reads_total", "Token reads, by outcome: fresh, degraded or failed.", labelOutcome),
		exchanges: desc("exchanges_total", "Exchanges with IMS for tokens to hand out, by outcome: minted, repeated (the same token again),"+
			" or the kind of failure."+
			" Verifying a config counts if the config is stored; checks don't count.", labelOutcome),
		coalesced: desc("coalesced_reads_total", "Token reads that waited for an exchange that another read had started."),
		rotation:  desc("token_rotation_seconds", "Seconds until the next rotation among the app's tokens in use; negative if overdue."),
		expiry:    desc("token_expiry_seconds", "Seconds until the next expiry among the app's tokens in use."),
		failing:   desc("failing", "Number of the app's scope sets for which minting is currently failing."),
		degraded:  desc("degraded", "Number of the app's scope sets whose readers currently get the previous token."),
	}
}

// Describe implements prometheus.Collector.
func (c *tokenCollector) Describe(out chan<- *prometheus.Desc) {
	d := describe()
	for _, desc := range []*prometheus.Desc{d.started, d.reads, d.exchanges, d.coalesced, d.rotation, d.expiry, d.failing, d.degraded} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *tokenCollector) Collect(out chan<- prometheus.Metric) {
	d := describe()
	// This metric is always present, because Vault can't return an empty body.
	out <- prometheus.MustNewConstMetric(d.started, prometheus.GaugeValue, float64(c.b.begun.Unix()))
	for _, name := range c.b.tallies.names() { // includes apps that aren't in memory
		c.count(out, d, configKey(name), c.b.tallies.total(name, scopes.Set{}))
	}
	for name, a := range c.b.apps.All() {
		c.gauge(out, d, configKey(name), a.pool.Statuses())
	}
}

func (c *tokenCollector) count(out chan<- prometheus.Metric, d descriptions, app string, sum counts) {
	counter := func(desc *prometheus.Desc, value int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), append([]string{app}, labels...)...)
	}
	counter(d.reads, sum.reads-sum.degraded, "fresh")
	counter(d.reads, sum.degraded, "degraded")
	counter(d.reads, sum.failed, "failed")
	counter(d.coalesced, sum.coalesced)
	counter(d.exchanges, sum.minted, outcomeMinted)
	counter(d.exchanges, sum.repeated, outcomeRepeated)
	for category, n := range sum.failures {
		counter(d.exchanges, n, category)
	}
}

func (c *tokenCollector) gauge(out chan<- prometheus.Metric, d descriptions, app string, statuses []tokens.Status) {
	gauge := func(desc *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, app)
	}
	now := c.b.now()
	failing, degraded := 0, 0
	var rotation, expiry *float64
	for _, s := range statuses {
		if s.Failure != nil {
			failing++
		}
		if s.State == tokens.Degraded {
			degraded++
		}
		if s.Token != nil && s.State != tokens.Idle { // an idle token isn't renewed
			rotation = sooner(rotation, s.RotateAt.Sub(now))
			expiry = sooner(expiry, s.Token.ExpiresAt().Sub(now))
		}
	}
	gauge(d.failing, float64(failing))
	gauge(d.degraded, float64(degraded))
	if rotation != nil {
		gauge(d.rotation, *rotation)
		gauge(d.expiry, *expiry)
	}
}

// sooner returns the smaller of left, in seconds, and the value found so far, if any.
func sooner(found *float64, left time.Duration) *float64 {
	seconds := left.Seconds()
	if found != nil {
		seconds = min(seconds, *found)
	}
	return &seconds
}

// tallies holds a mount's counts since the process started. They survive new generations
// and rewritten apps and roles. The zero value is ready to use.
type tallies struct {
	mu    sync.Mutex
	apps  map[string]map[scopes.Set]*tokens.Tally // by app and scopes
	roles map[string]*atomic.Int64                // reads by role
}

// of returns the tally of an app by scopes.
func (t *tallies) of(app string) func(scopes.Set) *tokens.Tally {
	return func(set scopes.Set) *tokens.Tally {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.apps == nil {
			t.apps = make(map[string]map[scopes.Set]*tokens.Tally)
		}
		if t.apps[app] == nil {
			t.apps[app] = make(map[scopes.Set]*tokens.Tally)
		}
		if t.apps[app][set] == nil {
			t.apps[app][set] = new(tokens.Tally)
		}
		return t.apps[app][set]
	}
}

// role returns the counter of a role's reads.
func (t *tallies) role(name string) *atomic.Int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.roles == nil {
		t.roles = make(map[string]*atomic.Int64)
	}
	if t.roles[name] == nil {
		t.roles[name] = new(atomic.Int64)
	}
	return t.roles[name]
}

// forgetApp drops the counts of an app that was deleted.
func (t *tallies) forgetApp(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.apps, name)
}

// forgetRole drops the counts of a role that was deleted.
func (t *tallies) forgetRole(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.roles, name)
}

// counts are totals over one or more scope sets.
type counts struct {
	reads     int64 // that returned a token
	degraded  int64 // of these, the previous token
	failed    int64
	coalesced int64
	minted    int64
	repeated  int64            // exchanges that returned the token held already
	failures  map[string]int64 // by category
}

// names returns the apps for which anything was counted.
func (t *tallies) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.apps))
}

// exchanges returns the number of exchanges, failed ones included.
func (c counts) exchanges() int64 {
	sum := c.minted + c.repeated
	for _, n := range c.failures {
		sum += n
	}
	return sum
}

// total returns the counts of an app for one set of scopes, or for all of them if
// set is empty.
func (t *tallies) total(app string, set scopes.Set) counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := counts{failures: make(map[string]int64)}
	for counted, tally := range t.apps[app] {
		if !set.IsZero() && counted != set {
			continue
		}
		degraded := tally.Degraded.Load()
		sum.reads += tally.Fresh.Load() + degraded
		sum.degraded += degraded
		sum.failed += tally.Failed.Load()
		sum.coalesced += tally.Coalesced.Load()
		sum.minted += tally.Minted.Load()
		sum.repeated += tally.Repeated.Load()
		for category, n := range tally.Failures() {
			sum.failures[category] += n
		}
	}
	return sum
}
