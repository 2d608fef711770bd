package outbound

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// Timeline is the time that a request spent in each stage of reaching its host.
type Timeline struct {
	now func() time.Time

	mu    sync.Mutex
	since map[Stage]time.Time
	took  map[Stage]time.Duration
}

// NewTimeline returns a timeline and a context whose request reports to it.
func NewTimeline(ctx context.Context, now func() time.Time) (context.Context, *Timeline) {
	t := &Timeline{now: now, since: make(map[Stage]time.Time), took: make(map[Stage]time.Duration)}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { t.begin(StageDNS) },
		DNSDone:           func(done httptrace.DNSDoneInfo) { t.end(StageDNS, done.Err) },
		ConnectStart:      func(string, string) { t.begin(StageConnect) },
		ConnectDone:       func(_, _ string, err error) { t.end(StageConnect, err) },
		TLSHandshakeStart: func() { t.begin(StageTLS) },
		TLSHandshakeDone:  func(_ tls.ConnectionState, err error) { t.end(StageTLS, err) },
	}), t
}

// Took is the time spent in StageDNS, StageConnect or StageTLS; false if the
// request didn't pass it: it failed there, or there was nothing to do, as for the DNS
// lookup of an IP address.
func (t *Timeline) Took(stage Stage) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	took, passed := t.took[stage]
	return took, passed
}

// begin keeps the first time: a host of several addresses is dialed again, and at
// the same time.
func (t *Timeline) begin(stage Stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since[stage].IsZero() {
		t.since[stage] = t.now()
	}
}

func (t *Timeline) end(stage Stage, err error) {
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took[stage] = t.now().Sub(t.since[stage])
}
