package outbound

import (
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
	// proxy is the scheme of the proxy that hasn't been passed yet.
	proxy string
	// asked is set once the server has asked for a client certificate.
	asked bool
}

type progressKey struct{}

// progressOf returns the progress of the request that ctx belongs to.
func progressOf(ctx context.Context) *progress {
	if p, ok := ctx.Value(progressKey{}).(*progress); ok {
		return p
	}
	return new(progress)
}

// stage returns StageConnect before anything was reported: the request waits
// for a connection then.
func (p *progress) stage() Stage {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reached == "" {
		return StageConnect
	}
	return p.reached
}

// watch returns a context whose request reports its stages here.
func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(context.WithValue(ctx, progressKey{}, p), &httptrace.ClientTrace{
		GetConn:              func(string) { p.seek() },
		DNSStart:             func(httptrace.DNSStartInfo) { p.dial(StageDNS) },
		ConnectStart:         func(string, string) { p.dial(StageConnect) },
		TLSHandshakeStart:    func() { p.dial(StageTLS) },
		GotConn:              func(httptrace.GotConnInfo) { p.connect() },
		WroteRequest:         func(httptrace.WroteRequestInfo) { p.sent() },
		GotFirstResponseByte: func() { p.answered() },
	})
}

func (p *progress) seek() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected = false
}

// takeProxy notes that the next connection leads to a proxy.
func (p *progress) takeProxy(scheme string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proxy = scheme
}

// passProxy notes that what follows is between the request and its host.
func (p *progress) passProxy() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proxy = ""
}

// askCertificate notes that the server asked for a client certificate, as some do
// without needing one.
func (p *progress) askCertificate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = true
}

func (p *progress) isAsked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

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

func (p *progress) connect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected, p.reached = true, StageSend
}

// sent may be reported late, when the answer is there already: it must not step back.
func (p *progress) sent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reached == StageSend {
		p.reached = StageWait
	}
}

func (p *progress) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached = StageRead
}
