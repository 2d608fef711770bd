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

// fetches is an http.RoundTripper for keys: it lets a request pass once a minute
// at most, and an answer only if it is a JSON Web Key Set (RFC 7517, section 5).
type fetches struct {
	base *http.Transport
	now  func() time.Time

	mu      sync.Mutex
	last    time.Time
	fetched bool
	failed  int
}

// RoundTrip implements http.RoundTripper.
func (f *fetches) RoundTrip(request *http.Request) (*http.Response, error) {
	if !f.allow() {
		return nil, errors.New("the keys were fetched less than a minute ago")
	}
	response, err := f.fetch(request)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.failed++
		return nil, err
	}
	f.fetched = true
	return response, nil
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
		return nil, errors.New("the answer is no key set")
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

func (f *fetches) allow() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if !f.last.IsZero() && now.Sub(f.last) < minKeyInterval {
		return false
	}
	f.last = now
	return true
}

func (f *fetches) failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// leftUsWithout says whether a verification lacked keys: none were ever fetched,
// or fetching has failed since the count was taken.
func (f *fetches) leftUsWithout(before int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.fetched || f.failed > before
}
