package ims

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"vault-plugin-secrets-itwin/internal/outbound"
)

const (
	// maxKeyAge is how long keys are used that were fetched once.
	maxKeyAge = time.Hour
	// minKeyInterval is the least time between two fetches of the keys, whatever
	// tokens are asked about.
	minKeyInterval = time.Minute
)

// publishedKeys are the RSA keys that were published at a time.
type publishedKeys struct {
	keys []jose.JSONWebKey
	at   time.Time
}

// matching returns the keys with this id, or all if the token names none.
func (p *publishedKeys) matching(keyID string) []crypto.PublicKey {
	var found []crypto.PublicKey
	for _, key := range p.keys {
		if keyID == "" || key.KeyID == keyID {
			found = append(found, key.Key)
		}
	}
	return found
}

// keySet fetches keys, once for all who wait. No lock is needed: fetches, which run one
// at a time, own what the last one brought.
type keySet struct {
	url, shown string
	sender     *outbound.Client
	now        func() time.Time
	// life ends a fetch that nobody needs any longer.
	life context.Context //nolint:containedctx // it is the key set's own, not a request's
	end  context.CancelFunc

	current atomic.Pointer[publishedKeys]
	fetches singleflight.Group
	asked   time.Time  // when the last fetch began
	failed  *KeysError // why it brought no keys; nil if it did
}

func newKeySet(url, shown string, sender *outbound.Client, now func() time.Time) *keySet {
	s := &keySet{url: url, shown: shown, sender: sender, now: now}
	s.life, s.end = context.WithCancel(context.Background())
	s.current.Store(new(publishedKeys))
	return s
}

func (s *keySet) close() {
	s.end()
	s.sender.Close()
}

// get returns keys that are less than an hour old.
func (s *keySet) get(ctx context.Context) (*publishedKeys, error) {
	if known := s.current.Load(); isWithin(s.now().Sub(known.at), maxKeyAge) {
		return known, nil
	}
	return s.fetch(ctx)
}

// newer returns keys that were fetched later than these, or these if they were fetched
// less than a minute ago.
func (s *keySet) newer(ctx context.Context, than *publishedKeys) (*publishedKeys, error) {
	if known := s.current.Load(); known.at.After(than.at) {
		return known, nil
	}
	return s.fetch(ctx)
}

// fetch waits for a fetch under way, or starts one unless the last was less than a
// minute ago.
func (s *keySet) fetch(ctx context.Context) (*publishedKeys, error) {
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("fetching the keys of IMS: %w", ctx.Err())
	case fetched := <-s.fetches.DoChan("", s.refresh):
		keys, _ := fetched.Val.(*publishedKeys)
		return keys, fetched.Err
	}
}

// refresh returns the keys of a fetch, or how the last one ended if that was less than a
// minute ago.
func (s *keySet) refresh() (any, error) {
	if now := s.now(); !isWithin(now.Sub(s.asked), minKeyInterval) {
		s.asked, s.failed = now, nil
		if keys, cause := s.ask(); cause == nil {
			s.current.Store(&publishedKeys{keys: keys, at: now})
		} else {
			cause.URL = s.shown
			s.failed = &KeysError{URL: s.shown, Cause: cause, Next: now.Add(minKeyInterval)}
		}
	}
	if s.failed != nil {
		return nil, s.failed
	}
	return s.current.Load(), nil
}

// isWithin is false for an age below zero, too: a clock that was set back must not make
// keys last, or put off a fetch.
func isWithin(age, limit time.Duration) bool { return age >= 0 && age < limit }

func (s *keySet) ask() ([]jose.JSONWebKey, *Error) {
	request, err := http.NewRequestWithContext(s.life, http.MethodGet, s.url, http.NoBody)
	if err != nil {
		return nil, noKeySet()
	}
	request.Header.Set("Accept", "application/json")
	answer, failure := s.sender.Do(request, func(status int) bool { return status != http.StatusOK })
	switch {
	case failure != nil:
		return nil, unanswered(failure)
	case answer.Status != http.StatusOK:
		return nil, byStatus(answer.Status, answer.Header, s.now(), "the answer has no keys")
	case answer.Damage != nil:
		return nil, &Error{Kind: Foreign, Stage: answer.Damage.Stage, Status: http.StatusOK, Detail: answer.Damage.Detail}
	}
	return readKeys(answer.Body)
}

// readKeys reads a JSON Web Key Set (RFC 7517 section 5). As that section asks, it
// ignores keys of other kinds, and those that it can't read, unless there is no other.
func readKeys(body []byte) ([]jose.JSONWebKey, *Error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(body, &set) != nil {
		return nil, noKeySet()
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil {
			continue
		}
		if _, isRSA := key.Key.(*rsa.PublicKey); isRSA && key.Use != "enc" {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, noKeySet()
	}
	return keys, nil
}

func noKeySet() *Error {
	return &Error{
		Kind: Foreign, Stage: outbound.StageDecode, Status: http.StatusOK,
		Detail: "it isn't a JSON Web Key Set with an RSA key in it that can be read",
	}
}
