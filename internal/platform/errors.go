package platform

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/internal/outbound"
)

// Error is why the Platform gave no answer that could be used. It holds no token
// and no text of Go's network code; Code and Message are the Platform's words,
// cleaned and cut at 200 characters.
type Error struct {
	Stage outbound.Stage
	// Status is the HTTP status, 0 without an answer.
	Status int
	// Code and Message are of the Platform's error, where it has a known shape.
	Code, Message string
	// Detail says what went wrong in our own words, where the Platform said nothing.
	Detail string
	// RetryAfter is the wait that the Platform asked for; 0: none.
	RetryAfter time.Duration
	// CorrelationID is what Bentley's support asks for.
	CorrelationID string
}

// Error returns the whole story in one line that is safe to log and to show.
func (e *Error) Error() string {
	story := e.Detail
	if e.Code != "" || e.Message != "" {
		story = strings.Trim(e.Code+": "+e.Message, ": ")
	}
	if e.Status != 0 && e.Status != http.StatusOK {
		story = fmt.Sprintf("status %d: %s", e.Status, story)
	}
	if e.RetryAfter > 0 {
		story = fmt.Sprintf("%s; it asks to wait %s", story, e.RetryAfter)
	}
	return fmt.Sprintf("the iTwin Platform, stage %s: %s (correlation id %s)", e.Stage, story, e.CorrelationID)
}

func (c *Client) unanswered(err error, reached outbound.Stage, id string) *Error {
	if outbound.IsTimeout(err) {
		return &Error{Stage: reached, Detail: fmt.Sprintf("no answer within %s", c.options.RequestTimeout), CorrelationID: id}
	}
	stage, detail := outbound.Explain(err, reached)
	return &Error{Stage: stage, Detail: detail, CorrelationID: id}
}

// refusal reads an error answer. It has a code and a message, on the top or below
// error, and then again not: no shape may be taken for granted.
func (c *Client) refusal(response *http.Response, body []byte, clean outbound.Cleaner, id string) *Error {
	e := &Error{
		Stage:         outbound.StageStatus,
		Status:        response.StatusCode,
		Detail:        "it gives no reason",
		RetryAfter:    outbound.RetryAfter(response.Header, c.options.Now()),
		CorrelationID: id,
	}
	var shape map[string]any
	if json.Unmarshal(body, &shape) != nil {
		return e
	}
	if inner, nested := shape["error"].(map[string]any); nested {
		shape = inner
	}
	e.Code, e.Message = clean.Text(text(shape["code"])), clean.Text(text(shape["message"]))
	return e
}

// text is empty for anything but a string.
func text(value any) string {
	s, _ := value.(string)
	return s
}
