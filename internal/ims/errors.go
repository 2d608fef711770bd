package ims

import (
	"fmt"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/internal/outbound"
)

// Kind is what an Error means to the one who waits for a token.
type Kind string

// The kinds of Error.
const (
	// Refused: IMS read the request and said no, with an OAuth error code
	// (RFC 6749 section 5.2) in a 4xx answer.
	Refused Kind = "refused"
	// RateLimited: status 429, whatever the answer holds.
	RateLimited Kind = "rate_limited"
	// Unreachable: no answer, or one that comes from something in between.
	Unreachable Kind = "unreachable"
	// Malformed: status 200, but no token that can be handed out.
	Malformed Kind = "malformed"
	// TimedOut: the limit passed, or the caller gave up first.
	TimedOut Kind = "timed_out"
)

// Error is why an exchange gave no token. It holds no secret, no token, no
// header and no text of Go's own network code; Code and Description are IMS's
// words, cleaned, scrubbed of the client secret and cut at 200 characters.
// There is nothing to unwrap.
type Error struct {
	Kind  Kind
	Stage outbound.Stage
	// ClientID is whose exchange it was. The text doesn't show it.
	ClientID string
	// Host is the token endpoint's, with the port if there is one.
	Host string
	// Status is the HTTP status, 0 without an answer.
	Status int
	// Code and Description are `error` and `error_description` of RFC 6749
	// section 5.2, empty if IMS sent none.
	Code, Description string
	// Detail says what went wrong at Stage, in our own words.
	Detail string
	// RetryAfter is the wait that IMS asked for, at most 5 minutes; 0: none.
	RetryAfter time.Duration
	// Limit is the request timeout that passed; 0 if the caller's own context
	// ended the exchange.
	Limit time.Duration
	// CorrelationID is the X-Correlation-Id that the request carried.
	CorrelationID string
}

// Error returns the whole story in one line that is safe to log and to show.
func (e *Error) Error() string {
	if e.CorrelationID == "" {
		return e.story()
	}
	return fmt.Sprintf("%s (correlation id %s)", e.story(), e.CorrelationID)
}

// Category is the kind, for those who count errors without knowing IMS.
func (e *Error) Category() string { return string(e.Kind) }

// RetryDelay is the wait that IMS asked for, at most 5 minutes; 0: none.
func (e *Error) RetryDelay() time.Duration { return e.RetryAfter }

func (e *Error) story() string {
	switch e.Kind {
	case Refused:
		return fmt.Sprintf("IMS refuses the exchange with status %d: %s", e.Status, e.oauth())
	case RateLimited:
		return "IMS limits the rate of exchanges with status 429: " + e.wait()
	case Malformed:
		return fmt.Sprintf("the answer of %s is no token, stage %s: %s", e.server(), e.Stage, e.Detail)
	case TimedOut:
		return e.timeout()
	default:
		return e.unreachable()
	}
}

// server names the host: that it is another than was meant explains many failures.
func (e *Error) server() string {
	if e.Host == "" {
		return "IMS"
	}
	return "IMS at " + e.Host
}

// unreachable tells a host that isn't reached from one that answers.
func (e *Error) unreachable() string {
	switch e.Stage {
	case outbound.StageDNS, outbound.StageConnect, outbound.StageProxy, outbound.StageTLS:
		return fmt.Sprintf("%s can't be reached, stage %s: %s", e.server(), e.Stage, e.Detail)
	case outbound.StageStatus:
		return fmt.Sprintf("%s answers with status %d, stage %s: %s", e.server(), e.Status, e.Stage, e.Detail)
	default:
		return fmt.Sprintf("%s gives no answer that can be used, stage %s: %s", e.server(), e.Stage, e.Detail)
	}
}

func (e *Error) oauth() string {
	return strings.TrimSuffix(e.Code+": "+e.Description, ": ")
}

func (e *Error) wait() string {
	if e.RetryAfter == 0 {
		return "it does not say for how long"
	}
	return fmt.Sprintf("it asks to wait %s", e.RetryAfter)
}

func (e *Error) timeout() string {
	if e.Limit == 0 {
		return fmt.Sprintf("the exchange with IMS was canceled by its caller, stage %s", e.Stage)
	}
	return fmt.Sprintf("%s gave no answer within %s, stage %s", e.server(), e.Limit, e.Stage)
}
