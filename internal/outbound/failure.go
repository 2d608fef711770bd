package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Error is why a request got no answer, or none that can be used. It holds no text
// from upstream or from Go's network code, which may quote upstream.
type Error struct {
	Stage Stage
	// Detail says what went wrong, in our own words; empty after a timeout.
	Detail string
	// GODEBUG is the setting of Go that lets the request pass, such as tlsrsakex=1;
	// empty if there is none.
	GODEBUG string
	// TimedOut is set if a limit passed or the caller gave up.
	TimedOut bool
	// Limit is the time that the request had, by the client's timeout or its caller's
	// deadline; 0 if the caller gave up.
	Limit time.Duration
	// CorrelationID is the X-Correlation-Id that the request carried.
	CorrelationID string
}

// Error returns one line that is safe to log and to show.
func (f *Error) Error() string { return fmt.Sprintf("%s (stage %s)", f.Reason(), f.Stage) }

// Reason is Error without the stage.
func (f *Error) Reason() string {
	switch {
	case f.TimedOut && f.Limit == 0:
		return "the caller canceled the request"
	case f.TimedOut:
		return fmt.Sprintf("no answer within %s", f.Limit)
	}
	return f.Detail
}

// explain puts an error of Go's network code into our own words. Where its type
// doesn't tell the stage, the one that the request had reached counts.
func explain(err error, way *progress) Error {
	reached, asked := way.state()
	if isTimeout(err) {
		timeout := Error{Stage: reached, TimedOut: true}
		if reached == StageTLS {
			timeout.GODEBUG = smallClientHello // some boxes drop what doesn't fit one packet
		}
		return timeout
	}
	var (
		lookup   *net.DNSError
		variable variableError
		refused  connectError
	)
	_, _, alerted := alertOf(err)
	switch {
	case errors.As(err, &variable):
		return Error{Stage: StageProxy, Detail: variable.Error()}
	case errors.As(err, &refused):
		return Error{Stage: StageProxy, Detail: refused.Error()}
	case reached == StageProxy, isOperation(err, "proxyconnect"):
		return proxyFailure(err, asked)
	case errors.As(err, &lookup):
		return Error{Stage: StageDNS, Detail: lookupDetail("the host name", lookup)}
	case isOperation(err, "dial"):
		return Error{Stage: StageConnect, Detail: dialDetail("the host", err)}
	case reached == StageTLS, alerted, errors.Is(err, http.ErrSchemeMismatch), asked && isLostUnanswered(err, reached):
		return tlsFailure("the server", err, asked)
	case isBroken(err):
		return Error{Stage: reached, Detail: "the connection was closed or reset before the answer was complete"}
	}
	return Error{Stage: reached, Detail: "the answer isn't valid HTTP, or its headers are too large"}
}

// operations yields the network operations that err wraps, the outermost first.
func operations(err error) iter.Seq[*net.OpError] {
	return func(yield func(*net.OpError) bool) {
		var operation *net.OpError
		for errors.As(err, &operation) && yield(operation) {
			err = operation.Err
		}
	}
}

// isOperation reports whether err is from an operation whose name begins so.
func isOperation(err error, begin string) bool {
	for operation := range operations(err) {
		if strings.HasPrefix(operation.Op, begin) {
			return true
		}
	}
	return false
}

func lookupDetail(name string, lookup *net.DNSError) string {
	if lookup.IsNotFound {
		return name + " doesn't resolve"
	}
	return "the name server didn't answer the query for " + name
}

func dialDetail(host string, err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case isBroken(err):
		return host + " closed the connection instead of answering"
	}
	return host + " can't be reached over the network"
}

// isBroken tells a lost connection from an answer that can't be read.
func isBroken(err error) bool {
	for _, lost := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return isHTTP2Loss(err.Error())
}

// isLostUnanswered recognizes what is left of an alert after the handshake of TLS 1.3: a
// write to a connection that the server has closed discards what the server sent.
func isLostUnanswered(err error, reached Stage) bool {
	return isBroken(err) && (reached == StageSend || reached == StageWait)
}

// isHTTP2Loss recognizes GOAWAY, a stream that was reset and a ping that nobody
// answered. net/http has no exported types for them; what these texts begin with is
// Go's own.
func isHTTP2Loss(text string) bool {
	if strings.Contains(text, "header list") {
		return false // over the limit
	}
	for _, begin := range []string{"http2: ", "stream error: ", "connection error: "} {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return false
}

// isTimeout says whether a limit passed, or the caller gave up.
func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, context.Canceled) || errors.As(err, &network) && network.Timeout()
}
