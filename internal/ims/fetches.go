package ims

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"vault-plugin-secrets-itwin/internal/outbound"
)

// minKeyInterval is the least time between two fetches of the keys, whatever
// tokens are asked about.
const minKeyInterval = time.Minute

var (
	errRecent   = errors.New("the keys were fetched less than a minute ago")
	errNoKeySet = errors.New("the answer is no key set")
)

// fetches is an http.RoundTripper for keys: it lets a request pass once a minute
// at most, and an answer only if it is a JSON Web Key Set (RFC 7517, section 5).
type fetches struct {
	base *http.Transport
	now  func() time.Time

	mu     sync.Mutex
	last   time.Time
	failed bool // the last one
}

// RoundTrip implements http.RoundTripper.
func (f *fetches) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := f.allow(); err != nil {
		return nil, err
	}
	response, err := f.fetch(request)
	if err != nil {
		f.fail()
	}
	return response, err
}

// allow refuses a fetch less than a minute after another: with errRecent where
// that one brought keys, or else with ErrKeys.
func (f *fetches) allow() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	switch {
	case f.last.IsZero() || now.Sub(f.last) >= minKeyInterval:
		f.last, f.failed = now, false
		return nil
	case f.failed:
		return ErrKeys
	}
	return errRecent
}

// fail notes that the last fetch brought no keys.
func (f *fetches) fail() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = true
}

func (f *fetches) fetch(request *http.Request) (*http.Response, error) {
	response, err := f.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // what was to be read has been
	body, whole, err := outbound.ReadBody(response)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if response.StatusCode != http.StatusOK || !whole || json.Unmarshal(body, &set) != nil || len(set.Keys) == 0 {
		return nil, errNoKeySet
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
