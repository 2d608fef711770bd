package outbound

import (
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARequestIsAtTheStageThatItReachedItself(t *testing.T) {
	t.Parallel()
	connected := func(trace *httptrace.ClientTrace) {
		trace.GetConn("ims.example:443")
		trace.ConnectStart("tcp", "127.0.0.1:443")
		trace.GotConn(httptrace.GotConnInfo{})
	}
	for name, c := range map[string]struct {
		report func(*httptrace.ClientTrace)
		stage  Stage
	}{
		"nothing is reported yet": {func(*httptrace.ClientTrace) {}, StageConnect},
		"a name server that doesn't answer": {func(trace *httptrace.ClientTrace) {
			trace.GetConn("ims.example:443")
			trace.DNSStart(httptrace.DNSStartInfo{})
		}, StageDNS},
		"a dial that it no longer needs": {func(trace *httptrace.ClientTrace) {
			connected(trace)
			trace.TLSHandshakeStart()
		}, StageSend},
		"a second dial, as the first connection was lost": {func(trace *httptrace.ClientTrace) {
			connected(trace)
			trace.GetConn("ims.example:443")
			trace.TLSHandshakeStart()
		}, StageTLS},
		"an answer before the end of the request": {func(trace *httptrace.ClientTrace) {
			connected(trace)
			trace.GotFirstResponseByte()
			trace.WroteRequest(httptrace.WroteRequestInfo{})
		}, StageRead},
	} {
		var way progress
		c.report(httptrace.ContextClientTrace(way.watch(t.Context())))
		reached, _ := way.state()
		require.Equal(t, c.stage, reached, name)
	}
}
