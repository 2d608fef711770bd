package ims

import (
	"bytes"
	"context"
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

var errRecent = errors.New("the keys were fetched less than a minute ago")

// fetches is an http.RoundTripper for keys: it lets a request pass once a minute
// at most, and an answer only if it is a JSON Web Key Set (RFC 7517, section 5).
type fetches struct {
	base  *http.Transport
	url   string // for errors
	limit time.Duration
	now   func() time.Time

	mu     sync.Mutex
	last   time.Time
	failed *KeysError // nil where the last one brought keys
}

// RoundTrip implements http.RoundTripper.
func (f *fetches) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := f.allow(); err != nil {
		return nil, err
	}
	response, cause := f.fetch(request)
	if cause != nil {
		return nil, f.fail(cause)
	}
	return response, nil
}

// allow refuses a fetch less than a minute after another: with errRecent where
// that one brought keys, or else with why it didn't.
func (f *fetches) allow() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	switch {
	case f.last.IsZero() || now.Sub(f.last) >= minKeyInterval:
		f.last, f.failed = now, nil
		return nil
	case f.failed != nil:
		return f.failed
	}
	return errRecent
}

// fail notes that the last fetch brought no keys.
func (f *fetches) fail(cause *Error) *KeysError {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = &KeysError{URL: f.url, Cause: cause, Next: f.last.Add(minKeyInterval)}
	return f.failed
}

func (f *fetches) fetch(request *http.Request) (*http.Response, *Error) {
	limited, cancel := context.WithTimeout(request.Context(), f.limit)
	defer cancel()
	var progress outbound.Progress
	response, err := f.base.RoundTrip(request.Clone(progress.Watch(limited)))
	if err != nil {
		return nil, f.unanswered(err, progress.Stage())
	}
	defer func() { _ = response.Body.Close() }() // what was to be read has been
	body, whole, err := outbound.ReadBody(response)
	if err != nil {
		return nil, f.unanswered(err, outbound.StageRead)
	}
	if response.StatusCode != http.StatusOK {
		return nil, &Error{
			Kind: Unreachable, Stage: outbound.StageStatus, Status: response.StatusCode,
			Detail: statusDetail(response.StatusCode, "the answer has no keys"),
		}
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if !whole || json.Unmarshal(body, &set) != nil || len(set.Keys) == 0 {
		return nil, noKeySet()
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

func (f *fetches) unanswered(err error, reached outbound.Stage) *Error {
	cause := unanswered(err, reached)
	if cause.Kind == TimedOut {
		cause.Limit = f.limit // nobody else ends a fetch: all who wait share it
	}
	return cause
}

func noKeySet() *Error {
	return &Error{
		Kind: Unreachable, Stage: outbound.StageDecode, Status: http.StatusOK,
		Detail: "it isn't a JSON Web Key Set with a key in it that can be read",
	}
}
