package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// faultPath lets another process do over HTTP what a test does with Fault and Heal.
const faultPath = "/_emulator/fault"

func (e *Emulator) putFault(w http.ResponseWriter, r *http.Request) {
	fault, err := readFault(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.Fault(fault)
}

// readFault reads a Fault as JSON, with times as people write them.
func readFault(body io.Reader) (Fault, error) {
	var request struct {
		Fault

		Delay      string `json:"delay"`
		RetryAfter int    `json:"retry_after"` // seconds
	}
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return Fault{}, err
	}
	fault := request.Fault
	switch {
	case fault.At != "" && fault.At != TokenEndpoint && fault.At != Platform:
		return Fault{}, fmt.Errorf("at must be %s or %s", TokenEndpoint, Platform)
	case fault.Status != 0 && (fault.Status < 200 || fault.Status > 599):
		return Fault{}, errors.New("status must be from 200 to 599")
	}
	fault.RetryAfter = time.Duration(request.RetryAfter) * time.Second
	var err error
	if request.Delay != "" {
		fault.Delay, err = time.ParseDuration(request.Delay)
	}
	return fault, err
}
