package itwin

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// The canaries must never turn up where secrets and tokens don't belong.
	canarySecret = "canary/secret+of=the&app %"
	canaryToken  = "canary-token-"

	lifetime = time.Hour
)

// fakeIMS is a token endpoint that numbers its tokens, keeps the forms it was
// sent, and fails or waits on demand.
type fakeIMS struct {
	*httptest.Server

	mu     sync.Mutex
	forms  []url.Values
	minted int
	answer http.HandlerFunc // nil: a token
	gate   *gate
}

// gate holds one exchange back.
type gate struct {
	arrived  chan struct{}
	released chan struct{}
}

func newFakeIMS(t *testing.T) *fakeIMS {
	t.Helper()
	f := &fakeIMS{}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeIMS) serve(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	answer, g := f.note(r.PostForm)
	if g != nil {
		close(g.arrived)
		select {
		case <-g.released:
		case <-r.Context().Done():
			return
		}
	}
	answer(w, r)
}

func (f *fakeIMS) note(form url.Values) (http.HandlerFunc, *gate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forms = append(f.forms, form)
	g := f.gate
	f.gate = nil
	if f.answer != nil {
		return f.answer, g
	}
	f.minted++
	return saying(http.StatusOK, fmt.Sprintf(`{"access_token":"%s%d","token_type":"Bearer","expires_in":%d}`,
		canaryToken, f.minted, int(lifetime/time.Second))), g
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Fail answers every exchange from now on with the status and a page of HTML.
func (f *fakeIMS) Fail(status int) { f.Answer(saying(status, "<html>canary page</html>")) }

// Refuse answers every exchange from now on with an OAuth error.
func (f *fakeIMS) Refuse(code string) {
	f.Answer(saying(http.StatusBadRequest, fmt.Sprintf(`{"error":%q}`, code)))
}

// Work gives tokens again.
func (f *fakeIMS) Work() { f.Answer(nil) }

func (f *fakeIMS) Answer(answer http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// Hold holds the next exchange back until the gate is released or its caller
// gives up.
func (f *fakeIMS) Hold() *gate {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = &gate{arrived: make(chan struct{}), released: make(chan struct{})}
	return f.gate
}

// Exchanges is how many there were.
func (f *fakeIMS) Exchanges() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.forms)
}

// Last is the form of the last exchange.
func (f *fakeIMS) Last() url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.forms[len(f.forms)-1]
}

// fielded is a token answer with its fields in JSON as given; expires_in is left out
// if it is empty.
func fielded(accessToken, expiresIn string) string {
	if expiresIn == "" {
		return fmt.Sprintf(`{"access_token":%s}`, accessToken)
	}
	return fmt.Sprintf(`{"access_token":%s,"expires_in":%s}`, accessToken, expiresIn)
}

// headed adds headers to an answer.
func headed(headers map[string]string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		next(w, r)
	}
}

// certificate returns the certificate of a test server, in PEM.
func certificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	return strings.TrimSpace(string(pem.EncodeToMemory(block)))
}
