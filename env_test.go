package itwin

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

const mount = "itwin/"

// noon is when every test begins.
func noon() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }

type fields = map[string]any

// env is one node of Vault with the engine mounted, and the IMS it talks to.
type env struct {
	*backend

	t       *testing.T
	ims     *fakeIMS
	storage *faultyStorage
	system  *countingSystem
	clock   *clock
	log     *logBuffer
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{t: t, ims: newFakeIMS(t), storage: newFaultyStorage(), clock: &clock{at: noon()}}
	e.mount()
	return e
}

// newConfiguredEnv has the default app; its config was verified with exchange 1.
func newConfiguredEnv(t *testing.T) *env {
	t.Helper()
	e := newEnv(t)
	e.mustWrite("config", e.app())
	return e
}

// node is another node of the same Vault, or the same one after a restart.
func (e *env) node() *env {
	e.t.Helper()
	n := &env{t: e.t, ims: e.ims, storage: e.storage, clock: e.clock}
	n.mount()
	return n
}

// mount leaves the renewing loop out: advance does its work, at a time that the
// test chooses.
func (e *env) mount() {
	e.t.Helper()
	e.log, e.system = &logBuffer{}, &countingSystem{}
	e.backend = newBackend("v1.2.3")
	e.now = e.clock.now
	e.jitter = func(time.Duration) time.Duration { return 0 }
	e.backend.log = hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: e.log})
	require.NoError(e.t, e.Setup(e.t.Context(), &logical.BackendConfig{
		Logger: e.backend.log, System: e.system, StorageView: e.storage,
	}))
	e.t.Cleanup(func() {
		e.Cleanup(context.Background())
		e.mustHideCanaries(e.log.String())
	})
}

// app is a full config of an app at the fake IMS; changes win.
func (e *env) app(changes ...fields) fields {
	data := fields{keyClientID: "service-test", keyClientSecret: canarySecret, keyAuthority: e.ims.URL}
	for _, c := range changes {
		maps.Copy(data, c)
	}
	return data
}

// advance lets time pass and the renewals that fall due come to their end.
func (e *env) advance(d time.Duration) {
	e.clock.advance(d)
	e.renew()
	e.settle()
}

// renew is one pass of the renewing loop.
func (e *env) renew() {
	for _, p := range e.pools() {
		p.Renew()
	}
}

// settle waits for every exchange under way.
func (e *env) settle() {
	for _, p := range e.pools() {
		for _, s := range p.Statuses() {
			idle := func() bool {
				ran, err := p.WhileIdle(s.Scopes, func(context.Context) error { return nil })
				return ran || err != nil
			}
			require.Eventually(e.t, idle, 10*time.Second, time.Millisecond)
		}
	}
}

// handle does what Vault does: a write of what isn't there yet is a create.
func (e *env) handle(ctx context.Context, op logical.Operation, path string, data fields) (*logical.Response, error) {
	req := &logical.Request{Operation: op, Path: path, Data: maps.Clone(data), Storage: e.storage, MountPoint: mount}
	if op == logical.UpdateOperation {
		checked, exists, err := e.HandleExistenceCheck(ctx, req)
		if err != nil {
			return nil, err
		}
		if checked && !exists {
			req.Operation = logical.CreateOperation
		}
	}
	return e.HandleRequest(ctx, req)
}

func (e *env) must(op logical.Operation, path string, data fields) *logical.Response {
	e.t.Helper()
	resp, err := e.handle(e.t.Context(), op, path, data)
	require.NoError(e.t, err)
	require.False(e.t, resp != nil && resp.IsError(), "%s %s: %v", op, path, resp)
	if resp != nil {
		for _, w := range resp.Warnings {
			e.mustHideCanaries(w)
		}
	}
	return resp
}

func (e *env) mustRead(path string, data ...fields) *logical.Response {
	e.t.Helper()
	var query fields
	for _, d := range data {
		query = d
	}
	resp := e.must(logical.ReadOperation, path, query)
	require.NotNil(e.t, resp, "read %s", path)
	return resp
}

func (e *env) mustWrite(path string, data fields) *logical.Response {
	e.t.Helper()
	return e.must(logical.UpdateOperation, path, data)
}

func (e *env) mustPatch(path string, data fields) {
	e.t.Helper()
	e.must(logical.PatchOperation, path, data)
}

func (e *env) mustDelete(path string) {
	e.t.Helper()
	require.Nil(e.t, e.must(logical.DeleteOperation, path, nil))
}

func (e *env) mustList(path string) []string {
	e.t.Helper()
	names, _ := e.must(logical.ListOperation, path, nil).Data["keys"].([]string)
	return names
}

// mustBeAbsent expects the answer that Vault turns into a 404.
func (e *env) mustBeAbsent(path string) {
	e.t.Helper()
	require.Nil(e.t, e.must(logical.ReadOperation, path, nil))
}

// token is the access token that a reader gets.
func (e *env) token(path ...string) string {
	e.t.Helper()
	return e.mustRead(append(path, tokenPath)[0]).Data[keyAccessToken].(string)
}

// mustFail returns the status and text that Vault would answer with.
func (e *env) mustFail(op logical.Operation, path string, data fields) (int, string) {
	e.t.Helper()
	resp, err := e.handle(e.t.Context(), op, path, data)
	var coded logical.HTTPCodedError
	switch {
	case errors.As(err, &coded):
		require.Equal(e.t, coded, err, "Vault answers 500 to a wrapped CodedError")
		e.mustHideCanaries(err.Error())
		return coded.Code(), err.Error()
	case err != nil:
		e.mustHideCanaries(err.Error())
		return http.StatusInternalServerError, err.Error()
	}
	require.True(e.t, resp != nil && resp.IsError(), "%s %s must fail, got %v", op, path, resp)
	e.mustHideCanaries(resp.Error().Error())
	return http.StatusBadRequest, resp.Error().Error()
}

func (e *env) mustRefuse(want, path string, data fields) {
	e.t.Helper()
	status, text := e.mustFail(logical.UpdateOperation, path, data)
	require.Equal(e.t, want, text)
	require.Equal(e.t, http.StatusBadRequest, status)
}

func (e *env) mustFailRead(path string) (int, string) {
	e.t.Helper()
	return e.mustFail(logical.ReadOperation, path, nil)
}

func (e *env) mustHideCanaries(text string) {
	e.t.Helper()
	require.NotContains(e.t, text, "canary")
}
