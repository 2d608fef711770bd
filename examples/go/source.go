package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/oauth2"
)

const (
	grace      = time.Second     // how long a caller waits for a new token while the previous one is valid
	retryAfter = 5 * time.Second // how long to wait after a failed read
)

var (
	_ oauth2.TokenSource = (*TokenSource)(nil)

	errNoToken = errors.New("reading the token: Vault's response has no access_token")
	errClock   = errors.New("reading the token: it has expired, by this machine's clock")
)

// TokenSource reads tokens from Vault. It is safe for concurrent use: concurrent callers share one read. While Vault is
// down, it returns the previous token until that expires.
type TokenSource struct {
	Vault *api.Client
	Path  string           // such as itwin/token/viewer
	Now   func() time.Time // time.Now if nil

	mu          sync.Mutex
	accessToken string
	readAgainAt time.Time
	expiresAt   time.Time
	err         error         // of the last read
	reading     chan struct{} // closed when the read in progress ends; nil if there is none
}

// Token returns the shared token. Its Expiry is not when it expires, but when to ask for it again: when Vault has a new
// one, or may have recovered.
func (s *TokenSource) Token() (*oauth2.Token, error) {
	if reading, valid := s.startIfDue(); reading != nil {
		wait(reading, valid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.now().Before(s.expiresAt) {
		return nil, s.err
	}
	return &oauth2.Token{AccessToken: s.accessToken, TokenType: "Bearer", Expiry: s.readAgainAt}, nil
}

// startIfDue starts a read or joins the one in progress, if a read is due. It also reports whether the previous token
// is valid.
func (s *TokenSource) startIfDue() (reading chan struct{}, valid bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Before(s.readAgainAt) {
		return nil, true
	}
	if s.reading == nil {
		s.reading = make(chan struct{})
		go s.read(now)
	}
	return s.reading, now.Before(s.expiresAt)
}

func wait(reading chan struct{}, valid bool) {
	if !valid {
		<-reading
		return
	}
	select {
	case <-reading:
	case <-time.After(grace):
	}
}

// read waits for Vault without holding the lock, so that callers with a valid token don't wait.
func (s *TokenSource) read(asked time.Time) {
	secret, err := s.Vault.Logical().Read(s.Path)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = s.accept(asked, secret, err)
	if s.err != nil && s.now().Before(s.expiresAt) {
		s.readAgainAt = s.now().Add(retryAfter)
	}
	close(s.reading)
	s.reading = nil
}

func (s *TokenSource) accept(asked time.Time, secret *api.Secret, err error) error {
	if err != nil {
		return fmt.Errorf("reading the token: %w", err)
	}
	if secret == nil {
		return errNoToken
	}
	accessToken, _ := secret.Data["access_token"].(string)
	ttl, ttlErr := seconds(secret.Data["ttl"])
	expiry, expiryErr := seconds(secret.Data["expires_at_unix"])
	if accessToken == "" || ttlErr != nil || expiryErr != nil {
		return errNoToken
	}
	s.accessToken = accessToken
	s.readAgainAt = asked.Add(time.Duration(ttl) * time.Second)
	s.expiresAt = time.Unix(expiry, 0)
	if !s.now().Before(s.expiresAt) {
		return errClock
	}
	return nil
}

// seconds parses a number in Vault's answers.
func seconds(value any) (int64, error) {
	number, _ := value.(json.Number)
	return number.Int64()
}

func (s *TokenSource) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
