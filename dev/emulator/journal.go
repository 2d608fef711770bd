package emulator

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Issued is what is remembered of one issued token; never the token itself.
type Issued struct {
	ID       string // the jti claim
	ClientID string
	Scope    []string
	SHA256   string // hex digest of the token as it was sent
	IssuedAt time.Time
	Expiry   time.Time
	// AuthMethod is how the client authenticated: client_secret_post or client_secret_basic.
	AuthMethod string
}

// journal remembers requests and issued tokens for as long as the emulator lives.
type journal struct {
	now func() time.Time

	mu       sync.Mutex
	arrivals []time.Time
	issued   []Issued
	last     http.Header
}

// observe keeps the header of each request, for LastRequest.
func (j *journal) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Clone()
		header.Del("Authorization")
		j.mu.Lock()
		j.last = header
		j.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (j *journal) countExchange(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j.mu.Lock()
		j.arrivals = append(j.arrivals, j.now())
		j.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (j *journal) record(token Issued) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.issued = append(j.issued, token)
}

func (j *journal) exchangeTimes() []time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.arrivals)
}

func (j *journal) issuedTokens() []Issued {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.issued)
}

func (j *journal) lastRequest() http.Header {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last.Clone()
}
