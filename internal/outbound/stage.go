package outbound

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
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

// Progress remembers the stage that a request has reached. The transport
// reports from goroutines of its own.
type Progress struct {
	reached atomic.Value // a Stage
}

// Reach notes a stage that the transport doesn't see.
func (p *Progress) Reach(stage Stage) {
	p.reached.Store(stage)
}

// Stage returns StageConnect before anything was reported: the request waits
// for a connection then.
func (p *Progress) Stage() Stage {
	if stage, ok := p.reached.Load().(Stage); ok {
		return stage
	}
	return StageConnect
}

// Watch returns a context whose request reports its stages here.
func (p *Progress) Watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { p.Reach(StageDNS) },
		ConnectStart:      func(string, string) { p.Reach(StageConnect) },
		TLSHandshakeStart: func() { p.Reach(StageTLS) },
		GotConn:           func(httptrace.GotConnInfo) { p.Reach(StageSend) },
		// Told late, when the answer is there already, it must not step back.
		WroteRequest: func(httptrace.WroteRequestInfo) {
			p.reached.CompareAndSwap(StageSend, StageWait)
		},
		GotFirstResponseByte: func() { p.Reach(StageRead) },
	})
}
