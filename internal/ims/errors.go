package ims

import (
	"fmt"
	"time"

	"vault-plugin-secrets-itwin/internal/outbound"
)

// Kind is what an Error means to the one who waits for a token.
type Kind string

// The kinds of Error.
const (
	// Refused: IMS read the request and said no, with an OAuth error code
	// (RFC 6749 section 5.2) in a 400 or 401.
	Refused Kind = "refused"
	// RateLimited: status 429, or the OAuth error slow_down.
	RateLimited Kind = "rate_limited"
	// Unavailable: IMS says that the fault is its own, by the OAuth error
	// temporarily_unavailable or server_error, or it or a gateway by a 5xx.
	Unavailable Kind = "unavailable"
	// Unreachable: no answer, because of the network, a proxy or TLS.
	Unreachable Kind = "unreachable"
	// Foreign: the answer is not from a token endpoint, but a redirect, a gateway's
	// page or JSON, or another service's 404.
	Foreign Kind = "foreign"
	// Malformed: status 200, but no token that can be handed out.
	Malformed Kind = "malformed"
	// TimedOut: the limit passed, or the caller gave up first.
	TimedOut Kind = "timed_out"
)

// Error is why an exchange gave no token, or why keys couldn't be fetched. It holds no
// secret, no token, no header and no text of Go's own network code. There is nothing to
// unwrap.
type Error struct {
	Kind  Kind
	Stage outbound.Stage
	// ClientID is the app that asked. The text doesn't show it.
	ClientID string
	// URL is what was asked: scheme, host and path; empty if it can't be shown.
	URL string
	// Status is the HTTP status, 0 without an answer.
	Status int
	// Code is `error` of RFC 6749 section 5.2, [a-z_]+, or empty.
	Code string
	// Description is `error_description`, cleaned: empty if it might repeat the
	// secret or a token. Error doesn't show it; Described does.
	Description string
	// Detail says what went wrong at Stage, in our own words.
	Detail string
	// GODEBUG is the setting of Go that lets the request pass; see outbound.Error.
	GODEBUG string
	// RetryAfter is the wait that IMS asked for, at most 5 minutes; 0 if it asked for none.
	RetryAfter time.Duration
	// Limit is the time that the request had, by the request timeout or its caller's
	// deadline; 0 if the caller gave up.
	Limit time.Duration
	// CorrelationID is the X-Correlation-Id that the request carried.
	CorrelationID string
}

// Error returns the whole story in one line that is safe to log and to show to anyone.
func (e *Error) Error() string { return e.withID(e.story()) }

// Described is Error with the description that IMS gave, which is only for those who
// write or check a config.
func (e *Error) Described() string {
	if e.Description == "" {
		return e.Error()
	}
	return e.withID(e.story() + ": " + e.Description)
}

// Category is the kind, for those who count errors without knowing IMS.
func (e *Error) Category() string { return string(e.Kind) }

// RetryDelay is the wait that IMS asked for, at most 5 minutes; 0 if it asked for none.
func (e *Error) RetryDelay() time.Duration { return e.RetryAfter }

func (e *Error) withID(story string) string {
	if e.CorrelationID == "" {
		return story
	}
	return fmt.Sprintf("%s (correlation id %s)", story, e.CorrelationID)
}

func (e *Error) story() string {
	switch {
	case e.Kind == Refused:
		return fmt.Sprintf("IMS rejected the token request (status %d): %s", e.Status, e.Code)
	case e.Kind == RateLimited:
		return fmt.Sprintf("IMS is rate-limiting token requests (status %d)%s", e.Status, e.wait())
	case e.Kind == Unavailable && e.Code != "":
		return fmt.Sprintf("IMS at %s is temporarily unavailable (status %d): %s", e.place(), e.Status, e.Code)
	case e.Kind == Unavailable:
		return fmt.Sprintf("IMS at %s failed, or a gateway in front of it did (status %d)", e.place(), e.Status)
	case e.Kind == Foreign:
		return fmt.Sprintf("something other than IMS answered at %s (status %d): %s", e.place(), e.Status, e.Detail)
	case e.Kind == Malformed:
		return fmt.Sprintf("IMS at %s did not return a token (stage %s): %s", e.place(), e.Stage, e.Detail)
	case e.Kind == TimedOut && e.Limit > 0:
		return fmt.Sprintf("IMS at %s did not answer within %s (stage %s)", e.place(), e.Limit, e.Stage)
	case e.Kind == TimedOut:
		return fmt.Sprintf("the caller canceled the request to IMS (stage %s)", e.Stage)
	}
	return e.unreachable()
}

// unreachable tells a host that isn't reached from one that is lost on the way back.
func (e *Error) unreachable() string {
	switch e.Stage {
	case outbound.StageSend, outbound.StageWait, outbound.StageRead:
		return fmt.Sprintf("IMS at %s did not return a usable answer (stage %s): %s", e.place(), e.Stage, e.Detail)
	default:
		return fmt.Sprintf("could not reach IMS at %s (stage %s): %s", e.place(), e.Stage, e.Detail)
	}
}

func (e *Error) place() string {
	if e.URL == "" {
		return "the configured URL"
	}
	return e.URL
}

func (e *Error) wait() string {
	if e.RetryAfter == 0 {
		return "; it doesn't say for how long"
	}
	return fmt.Sprintf("; it asks clients to wait %s", e.RetryAfter)
}
