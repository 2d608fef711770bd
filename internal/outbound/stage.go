package outbound

import (
	"context"
	"net/http/httptrace"
	"sync"
)

// Stage is how far a request came.
type Stage string

// The stages, in the order in which a request passes them.
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

// Progress remembers the stage that a request has reached. The transport reports
// from goroutines of its own, and of a dial also when the request has long got a
// connection that another one dialed.
type Progress struct {
	mu        sync.Mutex
	reached   Stage
	connected bool
}

// Reach notes a stage that the transport doesn't see.
func (p *Progress) Reach(stage Stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached = stage
}

// Stage returns StageConnect before anything was reported: the request waits
// for a connection then.
func (p *Progress) Stage() Stage {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reached == "" {
		return StageConnect
	}
	return p.reached
}

// Watch returns a context whose request reports its stages here.
func (p *Progress) Watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { p.seek() },
		DNSStart:             func(httptrace.DNSStartInfo) { p.dial(StageDNS) },
		ConnectStart:         func(string, string) { p.dial(StageConnect) },
		TLSHandshakeStart:    func() { p.dial(StageTLS) },
		GotConn:              func(httptrace.GotConnInfo) { p.connect() },
		WroteRequest:         func(httptrace.WroteRequestInfo) { p.sent() },
		GotFirstResponseByte: func() { p.Reach(StageRead) },
	})
}

func (p *Progress) seek() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected = false
}

func (p *Progress) dial(stage Stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.connected {
		p.reached = stage
	}
}

func (p *Progress) connect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected, p.reached = true, StageSend
}

// sent may be told late, when the answer is there already: it must not step back.
func (p *Progress) sent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reached == StageSend {
		p.reached = StageWait
	}
}
