package ims

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Stage is how far an exchange came.
type Stage string

// The stages, in the order in which an exchange passes them.
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

// progress remembers the stage that an exchange has reached. The transport
// reports from goroutines of its own.
type progress struct {
	reached atomic.Value // a Stage
}

func (p *progress) reach(stage Stage) {
	p.reached.Store(stage)
}

// stage returns StageConnect before anything was reported: the exchange waits
// for a connection then.
func (p *progress) stage() Stage {
	if stage, ok := p.reached.Load().(Stage); ok {
		return stage
	}
	return StageConnect
}

func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { p.reach(StageDNS) },
		ConnectStart:      func(string, string) { p.reach(StageConnect) },
		TLSHandshakeStart: func() { p.reach(StageTLS) },
		GotConn:           func(httptrace.GotConnInfo) { p.reach(StageSend) },
		// Told late, when the answer is there already, it must not step back.
		WroteRequest: func(httptrace.WroteRequestInfo) {
			p.reached.CompareAndSwap(StageSend, StageWait)
		},
		GotFirstResponseByte: func() { p.reach(StageRead) },
	})
}
