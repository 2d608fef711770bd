package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	for name, test := range map[string]struct {
		fault      emulator.Fault
		status     int
		body       string
		retryAfter string
	}{
		"a status alone":        {emulator.Fault{Status: 503}, 503, "<html>", ""},
		"a status and a body":   {emulator.Fault{Status: 200, Body: `{}`}, 200, `{}`, ""},
		"invalid_client":        {emulator.Fault{Error: "invalid_client", Description: "Why"}, 401, `"error_description":"Why"`, ""},
		"another OAuth error":   {emulator.Fault{Error: "invalid_scope"}, 400, `"error":"invalid_scope"`, ""},
		"an error and a status": {emulator.Fault{Error: "server_error", Status: 502}, 502, `"error":"server_error"`, ""},
		"a rate limit":          {emulator.Fault{RetryAfter: 1500 * time.Millisecond}, 429, "<html>", "2"},
		"a delay":               {emulator.Fault{Delay: time.Millisecond}, 200, "access_token", ""},
		"a fault elsewhere":     {emulator.Fault{At: emulator.Platform, Status: 503}, 200, "access_token", ""},
		"a replaced field":      {fields("scope", `["a"]`), 200, `"scope":["a"]`, ""},
		"a removed field":       {fields("expires_in", "null"), 200, `"token_type":"Bearer"}`, ""},
		"a handler": {emulator.Fault{Handler: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		}}, http.StatusTeapot, "", ""},
	} {
		env.Heal()
		env.mustToken()
		before := env.Exchanges()
		env.Fault(test.fault)
		got, err := env.exchange(grant())
		require.NoError(t, err, name)
		require.Equal(t, test.status, got.status, name)
		require.Contains(t, got.body, test.body, name)
		require.Equal(t, test.retryAfter, got.header.Get("Retry-After"), name)
		require.Equal(t, before+1, env.Exchanges(), name)
	}
}

func fields(name, value string) emulator.Fault {
	return emulator.Fault{Fields: map[string]json.RawMessage{name: json.RawMessage(value)}}
}

func TestEveryThirdRequestFails(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.Fault(emulator.Fault{Status: http.StatusBadGateway, Every: 3})
	var statuses []int
	for range 6 {
		got, err := env.exchange(grant())
		require.NoError(t, err)
		statuses = append(statuses, got.status)
	}
	require.Equal(t, []int{200, 200, 502, 200, 200, 502}, statuses)
}

func TestConnectionsDropAndAreRefusedUntilUpOnTheSamePort(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.Fault(emulator.Fault{DropConnection: true})
	_, err := env.exchange(grant())
	require.ErrorIs(t, err, io.EOF)
	env.Heal()

	require.NoError(t, env.Down())
	require.NoError(t, env.Down())
	_, err = env.exchange(grant())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, env.Up())
	require.NoError(t, env.Up())
	env.mustToken()
}

func TestDownReleasesRequestsThatWait(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{"delayed": {Delay: time.Hour}, "hung": {Hang: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t)
			env.Fault(fault)
			failed := make(chan error, 1)
			go func() {
				_, err := env.exchange(grant())
				failed <- err
			}()
			require.Eventually(t, func() bool { return env.Exchanges() == 1 }, 10*time.Second, time.Millisecond)
			require.NoError(t, env.Down())
			require.Error(t, <-failed)
		})
	}
}

func TestFaultsAtThePlatformAndFromOutside(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	put := func(fault string) int { return env.mustSend(http.MethodPut, "/_emulator/fault", fault).status }
	require.Equal(t, http.StatusOK, put(`{"at":"platform","status":403,"error":"InsufficientPermissions","delay":"1ms","retry_after":30}`))
	got := env.mustSend(http.MethodGet, "/users/me", "")
	require.Equal(t, http.StatusForbidden, got.status)
	require.JSONEq(t, `{"error":{"code":"InsufficientPermissions","message":"Forbidden","details":[]}}`, got.body)
	require.Equal(t, "30", got.header.Get("Retry-After"))

	require.Equal(t, http.StatusOK, env.mustSend(http.MethodDelete, "/_emulator/fault", "").status)
	require.Equal(t, http.StatusUnauthorized, env.mustSend(http.MethodGet, "/users/me", "").status)
	for _, fault := range []string{`{"down":true}`, `{"at":"moon"}`, `{"status":100}`, `{"delay":"2"}`, `status=503`} {
		require.Equal(t, http.StatusBadRequest, put(fault), fault)
	}
}
