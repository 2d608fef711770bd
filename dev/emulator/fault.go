package emulator

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

const (
	maxBody         = 1 << 20 // bytes
	maintenancePage = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon.</body></html>\n"
)

// Endpoint is a part of the emulator that can misbehave on its own.
type Endpoint string

// The endpoints a Fault can be at.
const (
	TokenEndpoint Endpoint = "token"
	Platform      Endpoint = "platform"
)

// Fault says how an endpoint misbehaves. Of Handler, Hang, DropConnection, Error and Status the first one given
// counts; with none of them, the answer is right, though it may be late, and altered by Fields.
type Fault struct {
	// At is TokenEndpoint by default.
	At Endpoint `json:"at"`
	// Every lets only each nth request fail, counted from the Fault on; 0 and 1 fail all.
	Every int `json:"every"`
	// Delay passes before the answer. It ends early when the client or the listener goes away.
	Delay time.Duration `json:"-"`

	// Handler answers in the emulator's place. It must return when the request's context ends.
	Handler http.HandlerFunc `json:"-"`
	// Hang takes requests and never answers.
	Hang bool `json:"hang"`
	// DropConnection closes the connection without an answer.
	DropConnection bool `json:"drop_connection"`
	// Error is an OAuth error code (RFC 6749 section 5.2), or the Platform's; the status is by default 401 for
	// invalid_client, otherwise 400.
	Error       string `json:"error"`
	Description string `json:"description"`
	// Status answers with Body, by default a page in HTML, or the Platform's JSON error at the Platform.
	Status int    `json:"status"`
	Body   string `json:"body"`
	// RetryAfter is sent in whole seconds, rounded up. On its own it means status 429.
	RetryAfter time.Duration `json:"-"`

	// Fields replace those of a JSON object in the answer, as JSON; null removes one.
	Fields map[string]json.RawMessage `json:"fields"`
}

// activeFault is a fault, and how many requests it has met.
type activeFault struct {
	Fault

	requests int
}

// Fault makes an endpoint misbehave until Heal, or until the next Fault at the same endpoint.
func (e *Emulator) Fault(f Fault) {
	f.At = cmp.Or(f.At, TokenEndpoint)
	switch {
	case f.Status != 0:
	case f.Error == string(oidc.InvalidClient):
		f.Status = http.StatusUnauthorized
	case f.Error != "":
		f.Status = http.StatusBadRequest
	case f.RetryAfter > 0:
		f.Status = http.StatusTooManyRequests
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults[f.At] = &activeFault{Fault: f}
}

// Heal ends every fault. It does not bring a listener back that is Down.
func (e *Emulator) Heal() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.faults)
}

// due counts a request and returns the fault that befalls it; nil if it is to be answered as always.
func (e *Emulator) due(at Endpoint) *activeFault {
	e.mu.Lock()
	defer e.mu.Unlock()
	fault, ok := e.faults[at]
	if !ok {
		return nil
	}
	fault.requests++
	if fault.Every > 1 && fault.requests%fault.Every != 0 {
		return nil
	}
	return fault
}

func (e *Emulator) misbehaving(at Endpoint, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := e.due(at)
		if fault == nil {
			next.ServeHTTP(w, r)
			return
		}
		// Only once the body is read does net/http notice that a client went away, and cancel the request.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil || !pause(r.Context(), fault.Delay) {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if len(fault.Fields) == 0 {
			fault.answer(w, r, next)
			return
		}
		recorded := httptest.NewRecorder()
		fault.answer(recorded, r, next)
		maps.Copy(w.Header(), recorded.Header())
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(replaceFields(recorded.Body.Bytes(), fault.Fields))
	})
}

// pause reports whether the time passed without the context ending.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (f Fault) answer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	switch {
	case f.Handler != nil:
		f.Handler(w, r)
	case f.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case f.DropConnection:
		panic(http.ErrAbortHandler)
	case f.Status == 0:
		next.ServeHTTP(w, r)
	case f.Body == "" && f.At == Platform:
		refuse(w, f.Status, cmp.Or(f.Error, "InternalServerError"), cmp.Or(f.Description, http.StatusText(f.Status)))
	case f.Error != "":
		httphelper.MarshalJSONWithStatus(w, map[string]string{"error": f.Error, "error_description": f.Description}, f.Status)
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, cmp.Or(f.Body, maintenancePage))
	}
}

// replaceFields leaves a body alone that isn't a JSON object.
func replaceFields(body []byte, fields map[string]json.RawMessage) []byte {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return body
	}
	maps.Copy(object, fields)
	maps.DeleteFunc(object, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	replaced, err := json.Marshal(object)
	if err != nil {
		return body // a value isn't JSON
	}
	return replaced
}
