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
	mu    sync.Mutex
	since map[Stage]time.Time
	took  map[Stage]time.Duration
}

// NewTimeline returns a timeline and a context whose request reports to it.
func NewTimeline(ctx context.Context) (context.Context, *Timeline) {
	t := &Timeline{since: make(map[Stage]time.Time), took: make(map[Stage]time.Duration)}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { t.begin(StageDNS) },
		DNSDone:              func(httptrace.DNSDoneInfo) { t.end(StageDNS) },
		ConnectStart:         func(string, string) { t.begin(StageConnect) },
		ConnectDone:          func(string, string, error) { t.end(StageConnect) },
		TLSHandshakeStart:    func() { t.begin(StageTLS) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { t.end(StageTLS) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.begin(StageWait) },
		GotFirstResponseByte: func() { t.end(StageWait) },
	}), t
}

// Took is the time spent in a stage; false where the request didn't pass it.
func (t *Timeline) Took(stage Stage) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	took, passed := t.took[stage]
	return took, passed
}

func (t *Timeline) begin(stage Stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since[stage] = time.Now()
}

func (t *Timeline) end(stage Stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took[stage] = time.Since(t.since[stage])
}
