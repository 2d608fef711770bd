package itwin

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/scopes"
)

const goodAnswer = `{"access_token":"canary-hostile","token_type":"Bearer","expires_in":3600}`

// hostility is one way for IMS to misbehave, and what the engine has to make of it.
type hostility struct {
	endpoint func(t *testing.T) endpoint
	kind     ims.Kind
	stage    outbound.Stage // empty where it differs from run to run
	due      string         // when the next attempt is; empty: 1 s later
}

func timingOut(at func(t *testing.T) endpoint, stage outbound.Stage) hostility {
	return hostility{endpoint: at, kind: ims.TimedOut, stage: stage}
}

// endpoint is where the secret is sent.
type endpoint struct{ tokenURL, caCert string }

// run lets a reader, a rotation and a config write meet the hostile IMS while a
// token from better days is in storage.
func (h hostility) run(t *testing.T) {
	t.Helper()
	e := newConfiguredEnv(t)
	if h.kind == ims.TimedOut {
		e.mustWrite("config", fields{keyRequestTimeout: 1, keyVerify: false})
	}
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	to := h.endpoint(t)
	e = e.movedTo(to)
	e.clock.advance(31 * time.Minute)
	before := e.storage.Entries(t, "")

	for path, v := range e.verdicts() {
		require.Equal(t, httpStatus(h.kind), v.status, "%s: %s", path, v.text)
		e.mustBeFitToShow(v.text)
	}
	require.Equal(t, before, e.storage.Entries(t, ""))
	e.settle()
	for _, set := range []string{"itwin-platform", "itwins:read"} {
		h.mustBeTheFailure(e, scopes.Granted(set))
	}

	previous := e.mustRead("token")
	require.Equal(t, canaryToken+"1", previous.Data[keyAccessToken])
	require.Len(t, previous.Warnings, 1)
	e.mustBeFitToShow(previous.Warnings[0])
}

// mustBeTheFailure looks at what the engine made of the hostile answer, whatever
// words it finds for it.
func (h hostility) mustBeTheFailure(e *env, set scopes.Set) {
	e.t.Helper()
	a, ok := e.apps.Peek("")
	require.True(e.t, ok)
	failure := a.pool.Status(set).Failure
	require.NotNil(e.t, failure, set)
	cause, ok := errors.AsType[*ims.Error](failure)
	require.True(e.t, ok, failure)
	require.Equal(e.t, h.kind, cause.Kind, cause)
	if h.stage != "" {
		require.Equal(e.t, h.stage, cause.Stage, cause)
	}
	due := h.due
	if due == "" {
		due = "12:31:01Z"
	}
	require.Equal(e.t, "2026-11-23T"+due, timestampOfDue(failure.NextAttempt))
}

// movedTo restarts the node with the token endpoint elsewhere, in the same
// generation: as if IMS itself had changed.
func (e *env) movedTo(to endpoint) *env {
	e.t.Helper()
	stored := make(fields)
	require.NoError(e.t, json.Unmarshal([]byte(e.storage.Entries(e.t, "")[configStorageKey]), &stored))
	stored[keyTokenURL], stored[keyCACert] = to.tokenURL, to.caCert
	planted, err := json.Marshal(stored)
	require.NoError(e.t, err)
	e.storage.Plant(e.t, configStorageKey, string(planted))
	return e.node()
}

type verdict struct {
	status int
	text   string
}

// verdicts are the answers to requests that all need an exchange, by path. They
// are sent together: a limit of one second then passes once.
func (e *env) verdicts() map[string]verdict {
	requests := map[string]fields{
		"token/viewer":   nil,
		"rotate":         nil,
		configStorageKey: {keyClientID: "service-other"},
	}
	answered := make(map[string]verdict)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for path, data := range requests {
		wait.Go(func() {
			resp, err := e.handle(e.t.Context(), logical.UpdateOperation, path, data)
			mu.Lock()
			defer mu.Unlock()
			answered[path] = judge(resp, err)
		})
	}
	wait.Wait()
	return answered
}

func judge(resp *logical.Response, err error) verdict {
	coded, ok := err.(logical.HTTPCodedError) //nolint:errorlint // Vault answers 500 to a wrapped one
	switch {
	case ok:
		return verdict{coded.Code(), coded.Error()}
	case err != nil:
		return verdict{http.StatusInternalServerError, err.Error()}
	case resp != nil && resp.IsError():
		return verdict{http.StatusBadRequest, resp.Error().Error()}
	}
	return verdict{status: http.StatusOK}
}

// mustBeFitToShow holds for any text about a hostile answer: short, in one line,
// without what a terminal would obey, and without what upstream must not say.
func (e *env) mustBeFitToShow(text string) {
	e.t.Helper()
	e.mustHideCanaries(text)
	require.True(e.t, utf8.ValidString(text))
	require.Less(e.t, len(text), 1500)
	require.False(e.t, strings.ContainsFunc(text, unicode.IsControl), "%q", text)
}

func refusal(status int, code, description string) http.HandlerFunc {
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": description}) //nolint:errchkjson // strings
	return saying(status, string(body))
}

// echoing describes the error with the whole request.
func echoing(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	refusal(http.StatusUnauthorized, "invalid_request", string(body))(w, r)
}

func redirectingAway(status int) func(*testing.T) endpoint {
	return func(t *testing.T) endpoint {
		t.Helper()
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("a redirect was followed to another host")
		}))
		t.Cleanup(other.Close)
		return answering(headed(map[string]string{"Location": other.URL}, saying(status, "canary")))(t)
	}
}

// bomb is an answer below 1 MiB that swells to 900.
func bomb(t *testing.T) endpoint {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(make([]byte, 1<<20))
	_ = writer.Close()
	body := strings.Repeat(packed.String(), 900) // gzip's members may be joined
	return answering(headed(map[string]string{"Content-Encoding": "gzip"}, saying(http.StatusOK, body)))(t)
}

// dripping would take more than a minute for its answer.
func dripping(w http.ResponseWriter, r *http.Request) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for _, c := range []byte(goodAnswer) {
		_, _ = w.Write([]byte{c})
		_ = http.NewResponseController(w).Flush()
		select {
		case <-second.C:
		case <-r.Context().Done():
			return
		}
	}
}
