package emulator_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	// never is a delay that no test outlives: whoever gets an answer was released early.
	never     = time.Hour
	waitLimit = 10 * time.Second
	pollTime  = time.Millisecond
)

func TestFaultsAtTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault  emulator.Fault
		status int
		body   string
		header string // Retry-After
	}{
		"a status alone comes with a page in HTML": {
			emulator.Fault{Status: http.StatusServiceUnavailable}, http.StatusServiceUnavailable, "<html>", "",
		},
		"a status comes with the body given": {
			emulator.Fault{Status: http.StatusOK, Body: `{}`, ContentType: "application/json"}, http.StatusOK, `{}`, "",
		},
		"invalid_client is refused with 401": {
			emulator.Fault{Error: "invalid_client", Description: "Maintenance."},
			http.StatusUnauthorized, `"error_description":"Maintenance."`, "",
		},
		"another OAuth error is refused with 400": {
			emulator.Fault{Error: "unauthorized_client"}, http.StatusBadRequest, `"error":"unauthorized_client"`, "",
		},
		"an OAuth error takes the status given": {
			emulator.Fault{Error: "server_error", Status: http.StatusBadGateway},
			http.StatusBadGateway, `"error":"server_error"`, "",
		},
		"a rate limit is 429 and tells when to come back": {
			emulator.Fault{RetryAfter: 1500 * time.Millisecond}, http.StatusTooManyRequests, "<html>", "2",
		},
		"an OAuth error that isn't the app's fault comes with the status of one": {
			emulator.Fault{Error: "temporarily_unavailable"}, http.StatusBadRequest, `"error":"temporarily_unavailable"`, "",
		},
		"a delay alone is followed by the right answer": {
			emulator.Fault{Delay: time.Millisecond}, http.StatusOK, "access_token", "",
		},
		"a handler answers in the emulator's place": {
			emulator.Fault{Handler: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			}}, http.StatusNotFound, "", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t)
			env.Fault(test.fault)
			got := env.exchange()
			require.Equal(t, test.status, got.status, got.body)
			require.Contains(t, got.body, test.body)
			require.Equal(t, test.header, got.header.Get("Retry-After"))
			require.Equal(t, 1, env.Exchanges())

			env.Heal()
			env.mustToken()
		})
	}
}

func TestADroppedConnectionGetsNoAnswer(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.Fault(emulator.Fault{DropConnection: true})
	err := mustFail(t, env.client, env.tokenRequest(grant()))
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 1, env.Exchanges())
}

func TestFlappingFailsEveryNthRequest(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.Fault(emulator.Fault{Status: http.StatusBadGateway, Every: 3})
	var statuses []int
	for range 6 {
		statuses = append(statuses, env.exchange().status)
	}
	require.Equal(t, []int{200, 200, 502, 200, 200, 502}, statuses)
}

func TestFaultsStrikeOnlyTheirEndpoint(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.Fault(emulator.Fault{At: emulator.KeysEndpoint, Status: http.StatusBadGateway})
	env.Fault(emulator.Fault{At: emulator.Platform, Status: http.StatusForbidden})
	token := env.mustToken()
	require.Equal(t, http.StatusBadGateway, env.do(env.request(http.MethodGet, "/.well-known/openid-configuration/jwks", "")).status)
	require.Equal(t, http.StatusForbidden, env.me(token).status)
}

// released reports the request's end, as seen by the emulator.
func released(env *environment) (entered, left chan struct{}) {
	entered, left = make(chan struct{}), make(chan struct{})
	env.Fault(emulator.Fault{Handler: func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(left)
	}})
	return entered, left
}

func TestACancelledRequestIsReleased(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	entered, left := released(env)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	err := mustFail(t, env.client, env.tokenRequest(grant()).WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	<-left
}

//nolint:paralleltest // Alone, no other emulator is running: parallel tests wait for those that aren't.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	env := newEnv(t)
	env.mustToken()
	require.Contains(t, goroutines(t), "net/http.(*conn).serve")
	require.NoError(t, env.Close())
	require.Eventually(t, func() bool {
		stacks := goroutines(t)
		return !strings.Contains(stacks, "net/http.(*conn)") && !strings.Contains(stacks, "emulator.(*run)")
	}, waitLimit, pollTime)
}

func goroutines(t *testing.T) string {
	t.Helper()
	var stacks strings.Builder
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&stacks, 1))
	return stacks.String()
}

func TestCloseReleasesRequestsThatWait(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{"delayed": {Delay: never}, "hung": {Hang: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t)
			env.Fault(fault)
			failed := make(chan error, 1)
			go func() {
				response, err := env.client.Do(env.tokenRequest(grant()))
				if err == nil {
					err = response.Body.Close()
				}
				failed <- err
			}()
			require.Eventually(t, func() bool { return env.Exchanges() == 1 }, waitLimit, pollTime)
			require.NoError(t, env.Close())
			require.Error(t, <-failed)
			require.NoError(t, env.Close())
			require.Error(t, env.Up())
		})
	}
}

func TestDownRefusesConnectionsUntilUpOnTheSamePort(t *testing.T) {
	t.Parallel()
	for name, useTLS := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, func(o *emulator.Options) { o.TLS = useTLS })
			env.mustToken()
			base := env.URL()

			// A POST on a connection that was kept alive would end in EOF: net/http doesn't send it twice.
			env.client.CloseIdleConnections()
			require.NoError(t, env.Down())
			require.NoError(t, env.Down())
			err := mustFail(t, env.client, env.tokenRequest(grant()))
			require.ErrorIs(t, err, syscall.ECONNREFUSED)

			require.NoError(t, env.Up())
			require.NoError(t, env.Up())
			require.Equal(t, base, env.URL())
			env.mustToken()
			require.Equal(t, 2, env.Exchanges())
		})
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	put := func(body string) answer {
		return env.do(env.request(http.MethodPut, "/_emulator/fault", body))
	}

	require.Equal(t, http.StatusNoContent, put(`{"delay":"1ms","status":503,"retry_after":30}`).status)
	got := env.exchange()
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Equal(t, "30", got.header.Get("Retry-After"))

	require.Equal(t, http.StatusNoContent, env.do(env.request(http.MethodDelete, "/_emulator/fault", "")).status)
	env.mustToken()
	require.Equal(t, http.StatusNoContent, env.do(env.request(http.MethodPost, "/_emulator/key", "")).status)
	require.Equal(t, "BentleyIMS_2027", segment(t, env.mustToken(), 0)["kid"])
	require.Equal(t, http.StatusNoContent, env.do(env.request(http.MethodDelete, "/_emulator/keys", "")).status)
	keys := env.do(env.request(http.MethodGet, "/.well-known/openid-configuration/jwks", "")).fields(t)["keys"]
	require.Len(t, keys, 1)
	require.Equal(t, "3\n", env.do(env.request(http.MethodGet, "/_emulator/exchanges", "")).body)

	for body, want := range map[string]string{
		`{"fields":{"scope":["a"],"expires_in":"59.9"}}`: `"scope":["a"]`,
		`{"prefix":"\ufeff"}`:                            "\ufeff{",
		`{"gzip":true,"error":"server_error"}`:           "server_error",
		`{"echo":"form"}`:                                url.QueryEscape(clientSecret),
		`{"same_token":true}`:                            "access_token",
	} {
		require.Equal(t, http.StatusNoContent, put(body).status, body)
		require.Contains(t, env.exchange().body, want, body)
	}

	require.Equal(t, http.StatusNoContent, put(`{"drop_connections":true}`).status)
	err := mustFail(t, env.client, env.tokenRequest(grant()))
	require.ErrorIs(t, err, io.EOF)
}

func TestControlRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	for name, body := range map[string]string{
		"a field it doesn't know":        `{"down":true}`,
		"an endpoint that doesn't exist": `{"at":"moon"}`,
		"a status that isn't final":      `{"status":100}`,
		"a delay without a unit":         `{"delay":"2"}`,
		"an echo that doesn't exist":     `{"echo":"rot13"}`,
		"no JSON":                        `status=503`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := env.do(env.request(http.MethodPut, "/_emulator/fault", body))
			require.Equal(t, http.StatusBadRequest, got.status)
			require.NotEmpty(t, strings.TrimSpace(got.body))
		})
	}
}
