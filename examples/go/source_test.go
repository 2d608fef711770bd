package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// vault answers reads with tokens called 1, 2, 3…, each of which lives for an hour and is replaced after half of it.
type vault struct {
	reads  atomic.Int64
	down   atomic.Bool
	passed atomic.Int64 // on the clock, in nanoseconds
	delay  time.Duration
	hang   chan struct{} // answers wait for it, if it isn't nil
}

func (v *vault) now() time.Time { return time.Unix(1_800_000_000, v.passed.Load()) }

func (v *vault) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(v.delay)
	read := v.reads.Add(1)
	if v.hang != nil && read > 1 {
		<-v.hang
	}
	if v.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintf(w, `{"data": {"access_token": "%d", "ttl": 1800, "expires_at_unix": %d}}`, read, v.now().Add(time.Hour).Unix())
}

func source(t *testing.T, handler http.Handler) *TokenSource {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	config := api.DefaultConfig()
	config.Address, config.MaxRetries = server.URL, 0
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return &TokenSource{Vault: client, Path: "itwin/token/viewer"}
}

func (v *vault) source(t *testing.T) *TokenSource {
	t.Helper()
	s := source(t, v)
	s.Now = v.now
	return s
}

// mustToken checks the token and for how long oauth2 keeps it.
func (v *vault) mustToken(t *testing.T, s *TokenSource, want string, kept time.Duration) {
	t.Helper()
	token, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken != want || token.Type() != "Bearer" {
		t.Fatalf("got the token %s, want %s", token.AccessToken, want)
	}
	if got := token.Expiry.Sub(v.now()); got != kept {
		t.Fatalf("kept for %s, want %s", got, kept)
	}
}

func TestTokenIsReadAgainWhenVaultHasANewOne(t *testing.T) {
	t.Parallel()
	v := &vault{}
	s := v.source(t)
	v.mustToken(t, s, "1", 30*time.Minute)
	v.passed.Store(int64(29 * time.Minute))
	v.mustToken(t, s, "1", time.Minute)
	v.passed.Store(int64(30 * time.Minute))
	v.mustToken(t, s, "2", 30*time.Minute)
}

func TestPreviousTokenIsUsedWhileVaultIsAway(t *testing.T) {
	t.Parallel()
	v := &vault{}
	s := v.source(t)
	v.mustToken(t, s, "1", 30*time.Minute)
	v.down.Store(true)
	v.passed.Store(int64(59 * time.Minute))
	v.mustToken(t, s, "1", retryAfter)
	v.mustToken(t, s, "1", retryAfter)
	if reads := v.reads.Load(); reads != 2 {
		t.Fatalf("%d reads, though the last one had just failed", reads)
	}
	v.passed.Store(int64(time.Hour))
	if _, err := s.Token(); err == nil {
		t.Fatal("an expired token was returned")
	}
	v.down.Store(false)
	v.mustToken(t, s, "4", 30*time.Minute)
}

func TestNobodyWithAValidTokenWaitsForAVaultThatHangs(t *testing.T) {
	t.Parallel()
	v := &vault{hang: make(chan struct{})}
	s := v.source(t)
	t.Cleanup(func() { close(v.hang) })
	v.mustToken(t, s, "1", 30*time.Minute)
	v.passed.Store(int64(30 * time.Minute))
	began := time.Now()
	v.mustToken(t, s, "1", 0)
	if waited := time.Since(began); waited > 10*grace {
		t.Fatalf("waited %s", waited)
	}
	if reads := v.reads.Load(); reads != 2 {
		t.Fatalf("%d reads", reads)
	}
}

func TestCallersWhoComeTogetherShareARead(t *testing.T) {
	t.Parallel()
	v := &vault{delay: 50 * time.Millisecond}
	s := v.source(t)
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			if _, err := s.Token(); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if reads := v.reads.Load(); reads != 1 {
		t.Fatalf("%d reads", reads)
	}
}

func TestAnswersWithoutATokenAreErrors(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"the path isn't there": {http.StatusNotFound, `{}`},
		"no permission":        {http.StatusForbidden, `{"errors": ["permission denied"]}`},
		"no token":             {http.StatusOK, `{"data": {"ttl": 3, "expires_at_unix": 4}}`},
		"no ttl":               {http.StatusOK, `{"data": {"access_token": "A", "expires_at_unix": 4}}`},
		"expired":              {http.StatusOK, `{"data": {"access_token": "A", "ttl": 3, "expires_at_unix": 4}}`},
		"no expiry":            {http.StatusOK, `{"data": {"access_token": "A", "ttl": 3}}`},
	} {
		s := source(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(answer.status)
			_, _ = w.Write([]byte(answer.body))
		}))
		if _, err := s.Token(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
