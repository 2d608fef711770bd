package platform

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/internal/outbound"
)

// maxDetails is how many details of an error are shown.
const maxDetails = 5

// Error is why the Platform gave no answer that could be used. It holds no token
// and no text of Go's network code; Code, Message and Details are the Platform's words,
// cleaned and cut at 200 characters each.
type Error struct {
	Stage outbound.Stage
	// URL is what was asked.
	URL string
	// Status is the HTTP status, 0 without an answer.
	Status int
	// Code and Message are the Platform's, if its error has a known shape.
	Code, Message string
	// Details are the reasons below it, at most five.
	Details []Detail
	// Detail says what went wrong in our own words, if the Platform said nothing.
	Detail string
	// GODEBUG is the setting of Go that lets the request pass; see outbound.Error.
	GODEBUG string
	// RetryAfter is the wait that the Platform asked for; 0 if it asked for none.
	RetryAfter time.Duration
	// CorrelationID is what Bentley's support asks for.
	CorrelationID string
}

// Detail is one reason that the Platform gives: what happened, and to which field or
// resource.
type Detail struct{ Code, Message, Target string }

func (d Detail) String() string {
	story := said(d.Code, d.Message)
	if d.Target != "" {
		story = strings.TrimSpace(story + " (" + d.Target + ")")
	}
	return story
}

// Error returns the whole story in one line that is safe to log and to show.
func (e *Error) Error() string {
	story := e.Detail
	if words := e.words(); words != "" {
		story = words
	}
	if e.Status != 0 && e.Status != http.StatusOK {
		story = fmt.Sprintf("status %d: %s", e.Status, story)
	}
	if e.RetryAfter > 0 {
		story = fmt.Sprintf("%s; it asks clients to wait %s", story, e.RetryAfter)
	}
	return fmt.Sprintf("the iTwin Platform at %s (stage %s): %s (correlation id %s)", e.URL, e.Stage, story, e.CorrelationID)
}

func (e *Error) words() string {
	reasons := make([]string, 0, len(e.Details))
	for _, d := range e.Details {
		reasons = append(reasons, d.String())
	}
	words := said(e.Code, e.Message)
	if len(reasons) > 0 {
		words = strings.TrimSpace(words + " [" + strings.Join(reasons, "; ") + "]")
	}
	return words
}

func said(code, message string) string { return strings.Trim(code+": "+message, ": ") }

// Cause is a reason of the Platform's that something can be done about.
type Cause string

// The causes. Their codes aren't documented, so they are recognized by words as well.
const (
	// UnknownClient: the Platform doesn't know the app, because it belongs to another
	// environment, was registered minutes ago, or because of a fault of the Platform.
	UnknownClient Cause = "unknown client"
	// MissingScope: the token lacks a scope.
	MissingScope Cause = "missing scope"
	// MissingConsent: an administrator or user has to agree first.
	MissingConsent Cause = "missing consent"
)

// Cause returns what the Platform's words come down to, or "".
func (e *Error) Cause() Cause {
	words := strings.ToLower(e.words())
	switch {
	case strings.Contains(words, "unknownclient"), strings.Contains(words, "client was not registered"):
		return UnknownClient
	case strings.Contains(words, "consent"):
		return MissingConsent
	case strings.Contains(words, "scope"):
		return MissingScope
	}
	return ""
}

// refusal reads an error answer. It has a code and a message, on the top or below
// error, and then again not: no shape may be taken for granted.
func (q question) refusal(answer outbound.Answer, wait time.Duration) *Error {
	e := &Error{
		Stage:         outbound.StageStatus,
		URL:           q.url,
		Status:        answer.Status,
		Detail:        "no reason given",
		RetryAfter:    wait,
		CorrelationID: q.correlationID,
	}
	if answer.Damage != nil {
		e.Detail = answer.Damage.Detail
	}
	var shape map[string]any
	if json.Unmarshal(answer.Body, &shape) != nil {
		return e
	}
	if inner, nested := shape["error"].(map[string]any); nested {
		shape = inner
	}
	reason := q.reason(shape)
	e.Code, e.Message = reason.Code, reason.Message
	e.Details = q.details(shape["details"])
	return e
}

// details reads a list of objects, a single object, or texts.
func (q question) details(value any) []Detail {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	var details []Detail
	for _, item := range list {
		shape, isObject := item.(map[string]any)
		if !isObject {
			shape = map[string]any{"message": item}
		}
		if d := q.reason(shape); d != (Detail{}) && len(details) < maxDetails {
			details = append(details, d)
		}
	}
	return details
}

func (q question) reason(shape map[string]any) Detail {
	text := func(name string) string {
		s, _ := shape[name].(string) // anything but a string is left out
		return q.cleaner.Text(s)
	}
	return Detail{Code: text("code"), Message: text("message"), Target: text("target")}
}
