package emulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
)

// altered is an answer on its way out.
type altered struct {
	status int
	header http.Header
	body   []byte
}

func (f Fault) alters() bool {
	return f.SameToken || len(f.Fields) > 0 || f.Prefix != "" || f.Gzip
}

// alter applies what the fault changes in an answer to the request with this key.
func (f *activeFault) alter(recorded *httptest.ResponseRecorder, key string) altered {
	a := altered{status: recorded.Code, header: recorded.Header(), body: recorded.Body.Bytes()}
	if f.SameToken && a.status == http.StatusOK {
		a.body = f.given.first(key, a.body)
	}
	if len(f.Fields) > 0 {
		a.body = replaceFields(a.body, f.Fields)
	}
	a.body = append([]byte(f.Prefix), a.body...)
	if f.Gzip {
		a.header.Set("Content-Encoding", "gzip")
		a.body = compressed(a.body)
	}
	return a
}

func (a altered) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// replaceFields leaves a body alone that isn't a JSON object.
func replaceFields(body []byte, fields map[string]json.RawMessage) []byte {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return body
	}
	for name, value := range fields {
		object[name] = value
		if string(value) == "null" {
			delete(object, name)
		}
	}
	replaced, err := json.Marshal(object)
	if err != nil {
		return body // the value isn't JSON
	}
	return replaced
}

func compressed(body []byte) []byte {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(body) // a buffer takes everything
	_ = writer.Close()
	return packed.Bytes()
}

// given keeps the first token that each request got.
type given struct {
	mu     sync.Mutex
	bodies map[string][]byte
}

func (g *given) first(key string, body []byte) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bodies == nil {
		g.bodies = make(map[string][]byte)
	}
	if earlier, ok := g.bodies[key]; ok {
		return earlier
	}
	g.bodies[key] = body
	return body
}
