package outbound

import (
	"cmp"
	"context"
	"net/http/httptrace"
	"sync"
	"time"
)

// Stage is how far a request came.
type Stage string

// The stages, in the order in which a request passes them. A request that takes a
// proxy stays in StageProxy until the proxy has connected it to its host.
const (
	StageDNS     Stage = "DNS"
	StageConnect Stage = "connect"
	StageProxy   Stage = "proxy"
	StageTLS     Stage = "TLS"
	StageSend    Stage = "sending the request"
	StageWait    Stage = "waiting for the answer"
	StageRead    Stage = "reading the answer"
	StageStatus  Stage = "HTTP status"
	StageDecode  Stage = "decoding"
)

// progress remembers the stage that a request has reached. The transport reports
// from goroutines of its own, and reports a dial even after the request has been
// given a connection that another one dialed.
type progress struct {
	begun time.Time

	mu        sync.Mutex
	reached   Stage
	connected bool
	proxy     string // the scheme of the proxy that hasn't been passed yet
	asked     bool   // the server has asked for a client certificate
}

type progressKey struct{}

// progressOf returns the progress of the request that ctx belongs to.
func progressOf(ctx context.Context) *progress {
	if p, ok := ctx.Value(progressKey{}).(*progress); ok {
		return p
	}
	return new(progress)
}

// watch returns a context whose request reports its stages here.
func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(context.WithValue(ctx, progressKey{}, p), &httptrace.ClientTrace{
		GetConn:           func(string) { p.update(func() { p.connected = false }) },
		DNSStart:          func(httptrace.DNSStartInfo) { p.dial(StageDNS) },
		ConnectStart:      func(string, string) { p.dial(StageConnect) },
		TLSHandshakeStart: func() { p.dial(StageTLS) },
		GotConn:           func(httptrace.GotConnInfo) { p.update(func() { p.connected, p.reached = true, StageSend }) },
		// It may be reported late, when the answer is there already.
		WroteRequest: func(httptrace.WroteRequestInfo) {
			p.update(func() {
				if p.reached == StageSend {
					p.reached = StageWait
				}
			})
		},
		GotFirstResponseByte: func() { p.update(func() { p.reached = StageRead }) },
	})
}

func (p *progress) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// dial notes a stage of reaching the host, or its proxy.
func (p *progress) dial(stage Stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.connected:
		return
	case p.proxy == "":
	case stage == StageTLS && p.proxy != "https" && p.proxy != "http":
		p.proxy = "" // SOCKS reports nothing of its own: the host's TLS comes after it
	default:
		stage = StageProxy
	}
	p.reached = stage
}

// state is the stage reached, and whether the server has asked for a client
// certificate, as some do without needing one. Before anything is reported, the
// request waits for a connection.
func (p *progress) state() (reached Stage, asked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.reached, StageConnect), p.asked
}
