package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const controlPath = "/_emulator/"

// faultRequest is a Fault as JSON. It has no way to close the listener, which it came through: drop_connections is
// the nearest, and looks to a client like a server that dies before it answers.
type faultRequest struct {
	At              Endpoint                   `json:"at"`
	Every           int                        `json:"every"`
	Delay           string                     `json:"delay"`
	Hang            bool                       `json:"hang"`
	DropConnections bool                       `json:"drop_connections"`
	Echo            string                     `json:"echo"`
	Error           string                     `json:"error"`
	Description     string                     `json:"description"`
	Status          int                        `json:"status"`
	Body            string                     `json:"body"`
	ContentType     string                     `json:"content_type"`
	RetryAfter      int                        `json:"retry_after"` // seconds
	SameToken       bool                       `json:"same_token"`
	Fields          map[string]json.RawMessage `json:"fields"`
	Prefix          string                     `json:"prefix"`
	Gzip            bool                       `json:"gzip"`
}

func (r faultRequest) fault() (Fault, error) {
	f := Fault{
		At: r.At, Every: r.Every, Hang: r.Hang, DropConnection: r.DropConnections,
		Echo: r.Echo, Error: r.Error, Description: r.Description,
		Status: r.Status, Body: r.Body, ContentType: r.ContentType,
		RetryAfter: time.Duration(r.RetryAfter) * time.Second,
		SameToken:  r.SameToken, Fields: r.Fields, Prefix: r.Prefix, Gzip: r.Gzip,
	}
	switch r.At {
	case "", TokenEndpoint, KeysEndpoint, Platform:
	default:
		return Fault{}, fmt.Errorf("at must be %s, %s or %s", TokenEndpoint, KeysEndpoint, Platform)
	}
	if r.Echo != "" && !slices.Contains(Echoes(), r.Echo) {
		return Fault{}, fmt.Errorf("echo must be one of %s", strings.Join(Echoes(), ", "))
	}
	if r.Status != 0 && (r.Status < 200 || r.Status > 599) {
		return Fault{}, errors.New("status must be from 200 to 599")
	}
	if r.Delay == "" {
		return f, nil
	}
	delay, err := time.ParseDuration(r.Delay)
	if err != nil {
		return Fault{}, fmt.Errorf("reading delay: %w", err)
	}
	f.Delay = delay
	return f, nil
}

// newControl lets another process do over HTTP what a test does with the methods of Emulator.
func newControl(e *Emulator) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+controlPath+"fault", e.putFault)
	mux.HandleFunc("DELETE "+controlPath+"fault", func(w http.ResponseWriter, _ *http.Request) {
		e.Heal()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST "+controlPath+"key", func(w http.ResponseWriter, _ *http.Request) {
		if err := e.RotateKey(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE "+controlPath+"keys", func(w http.ResponseWriter, _ *http.Request) {
		e.WithdrawKeys()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+controlPath+"exchanges", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, e.Exchanges())
	})
	return mux
}

func (e *Emulator) putFault(w http.ResponseWriter, r *http.Request) {
	var request faultRequest
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		http.Error(w, fmt.Sprintf("reading the fault: %v", err), http.StatusBadRequest)
		return
	}
	fault, err := request.fault()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.Fault(fault)
	w.WriteHeader(http.StatusNoContent)
}
