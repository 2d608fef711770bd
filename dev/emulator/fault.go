package emulator

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
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
	KeysEndpoint  Endpoint = "keys"
	Platform      Endpoint = "platform"
)

// Fault says how an endpoint misbehaves. Of Handler, Hang, DropConnection, Echo, Error and Status the first one given
// counts; with none of them, the answer is right, though it may be late, and altered by SameToken, Fields, Prefix and Gzip.
type Fault struct {
	// At is TokenEndpoint by default.
	At Endpoint
	// Every lets only each nth request fail, counted from the Fault on; 0 and 1 fail all.
	Every int
	// Delay passes in real time before the answer. It ends early when the client or the listener goes away.
	Delay time.Duration

	// Handler answers in the emulator's place. It must return when the request's context ends.
	Handler http.HandlerFunc
	// Hang takes requests and never answers.
	Hang bool
	// DropConnection closes the connection without an answer.
	DropConnection bool
	// Echo refuses with Error, by default invalid_client, and the client's secret in the description, in the form that
	// Echo names: one of Echoes.
	Echo string
	// Error is an OAuth error code (RFC 6749 section 5.2), or the Platform's code; the status is by default 401 for
	// invalid_client, 403 at the Platform, otherwise 400.
	Error       string
	Description string
	// Status answers with Body, by default a page in HTML, or the Platform's JSON error at the Platform.
	Status      int
	Body        string
	ContentType string // of Body; text/html by default
	// RetryAfter is sent in whole seconds, rounded up. On its own it means status 429.
	RetryAfter time.Duration

	// SameToken answers with the first token issued under the fault, again and again.
	SameToken bool
	// Fields replace those of a JSON object in the answer, as JSON; null removes one.
	Fields map[string]json.RawMessage
	// Prefix comes before the body, such as a byte order mark.
	Prefix string
	// Gzip compresses the answer, asked for or not.
	Gzip bool
}

func (f Fault) withDefaults() Fault {
	if f.At == "" {
		f.At = TokenEndpoint
	}
	if f.Echo != "" {
		f.Error = cmp.Or(f.Error, string(oidc.InvalidClient))
	}
	switch {
	case f.Status != 0 || f.Handler != nil || f.Hang || f.DropConnection:
	case f.Error == string(oidc.InvalidClient):
		f.Status = http.StatusUnauthorized
	case f.Error != "" && f.At == Platform:
		f.Status = http.StatusForbidden
	case f.Error != "":
		f.Status = http.StatusBadRequest
	case f.RetryAfter > 0:
		f.Status = http.StatusTooManyRequests
	}
	return f
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
		writePlatformError(w, platformFault(f))
	case f.Error != "":
		if f.Echo != "" {
			f.Description += echo(f.Echo, r)
		}
		body := map[string]string{"error": f.Error, "error_description": f.Description}
		httphelper.MarshalJSONWithStatus(w, body, f.Status)
	default:
		f.writeBody(w)
	}
}

func (f Fault) writeBody(w http.ResponseWriter) {
	body, contentType := f.Body, f.ContentType
	if body == "" {
		body = maintenancePage
	}
	if contentType == "" {
		contentType = "text/html; charset=utf-8"
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, body)
}

// faults holds at most one fault for each endpoint.
type faults struct {
	mu     sync.Mutex
	active map[Endpoint]*activeFault
}

type activeFault struct {
	Fault

	requests int
	given    given
}

func newFaults() *faults { return &faults{active: make(map[Endpoint]*activeFault)} }

func (s *faults) set(f Fault) {
	f = f.withDefaults()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active[f.At] = &activeFault{Fault: f}
}

func (s *faults) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.active)
}

// due counts a request and returns the fault that befalls it; nil if it is to be answered as always.
func (s *faults) due(at Endpoint) *activeFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault, ok := s.active[at]
	if !ok {
		return nil
	}
	fault.requests++
	if fault.Every > 1 && fault.requests%fault.Every != 0 {
		return nil
	}
	return fault
}

func (s *faults) wrap(at Endpoint, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := s.due(at)
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
		if !fault.alters() {
			fault.answer(w, r, next)
			return
		}
		recorded := httptest.NewRecorder()
		fault.answer(recorded, r, next)
		fault.alter(recorded, string(body)+r.Header.Get("Authorization")).write(w)
	})
}

// pause reports whether the time passed without the context ending.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
