package itwin

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// newCheckEnv has the default app at a Bentley that answers everything.
func newCheckEnv(t *testing.T) (*env, *bentley) {
	t.Helper()
	e := newEnv(t)
	b := newBentley(e)
	e.mustWrite("config", e.app(fields{"api_url": e.ims.URL}))
	return e, b
}

// check returns a check's answer and the names of its stages, failed ones with a "!".
func (e *env) check(path string, data ...fields) (answer map[string]any, stages []string) {
	e.t.Helper()
	answer = e.mustRead(path, data...).Data
	for _, stage := range answer[keyStages].([]map[string]any) {
		name := stage[keyStage].(string)
		if stage[keyOK] != true {
			name += "!"
		}
		took, err := time.ParseDuration(stage[keyTook].(string))
		require.NoError(e.t, err)
		require.GreaterOrEqual(e.t, took, time.Duration(0))
		stages = append(stages, name)
	}
	require.NotContains(e.t, answer, keyAccessToken)
	return answer, stages
}

func TestThirdCheckOfAnAppGets429AndReadersKeepTheirExchanges(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	e.mustWrite("config/other", e.app(fields{keyAPIURL: e.ims.URL, keyVerify: false}))
	e.mustWrite("role/other", fields{keyApp: "other"})
	asked, released := make(chan struct{}, 3), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	b.Say(meEndpoint, func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-released
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var checks sync.WaitGroup
	for range 2 {
		checks.Go(func() { _, _ = e.handle(t.Context(), logical.ReadOperation, "check", nil) })
		<-asked
	}
	status, text := e.mustFailRead("check")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "two checks for the default app are already running (each takes at most 30s): try again when one finishes", text)
	e.mustWrite("rotate", nil)
	e.mustWrite("config", fields{keyClientSecret: canarySecret + "2"})

	checks.Go(func() { _, _ = e.handle(t.Context(), logical.ReadOperation, "check/other", nil) })
	<-asked // another app's checks are its own
	release()
	checks.Wait()
	e.check("check")
}

func TestCheckDoesNotAskIMSBeforeRetryAfterHasPassed(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	working := b.answer(exchangeEndpoint)
	b.Say(exchangeEndpoint, headed(map[string]string{"Retry-After": "120"}, saying(http.StatusTooManyRequests, "")))
	e.mustFail(logical.UpdateOperation, "rotate", nil)
	b.Say(exchangeEndpoint, working)
	asked := b.Asked(exchangeEndpoint)

	answer, stages := e.check("check")
	require.Equal(t, []string{"config", "exchange!"}, stages)
	require.Contains(t, answer[keyError], "2026-11-23T12:02:00Z")
	require.Len(t, answer[keyCorrelationID], 36)
	require.NotEmpty(t, answer[keyHint])
	require.Equal(t, asked, b.Asked(exchangeEndpoint))

	e.clock.advance(2 * time.Minute)
	answer, _ = e.check("check")
	require.Equal(t, true, answer[keyOK])
}

func TestCheckObeysThePauseThatAnotherCheckWasAskedFor(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	b.Say(exchangeEndpoint, headed(map[string]string{"Retry-After": "120"}, saying(http.StatusTooManyRequests, "")))
	e.check("check")
	asked := b.Asked(exchangeEndpoint)
	answer, stages := e.check("check")
	require.Equal(t, []string{"config", "exchange!"}, stages)
	require.Contains(t, answer[keyError], "2026-11-23T12:02:00Z")
	require.Equal(t, asked, b.Asked(exchangeEndpoint))

	e.clock.advance(2 * time.Minute)
	e.check("check")
	require.Equal(t, asked+1, b.Asked(exchangeEndpoint))
}

func TestCheckNamesTheStageThatFailsAndWhatToDo(t *testing.T) {
	t.Parallel()
	reached := []string{"config", "connect"}
	exchanged := []string{"config", "connect", "exchange", "token"}
	cases := map[string]struct {
		path   string
		answer http.HandlerFunc
		stages []string
		error  string
		hint   string
	}{
		"IMS refuses the client": {
			exchangeEndpoint, saying(http.StatusUnauthorized, `{"error":"invalid_client"}`),
			append(reached[:2:2], "exchange!"), "invalid_client", "Check client_id and client_secret",
		},
		"IMS limits the rate": {
			exchangeEndpoint, saying(http.StatusTooManyRequests, ""),
			append(reached[:2:2], "exchange!"), "status 429", "something else that uses this app",
		},
		"IMS is down": {
			exchangeEndpoint, saying(http.StatusBadGateway, "<html>"),
			append(reached[:2:2], "exchange!"), "status 502", "status.bentley.com",
		},
		"something else answers in IMS's place": {
			exchangeEndpoint, saying(http.StatusOK, "<html>log in to the WLAN</html>"),
			append(reached[:2:2], "exchange", "token!"), "stage decoding", "is answering instead of IMS.",
		},
		"the Platform doesn't know the client": {
			meEndpoint, saying(http.StatusUnauthorized, `{"error":{"code":"UnknownClient","message":"Client was not registered."}}`),
			append(exchanged[:4:4], "users/me!"), "status 401: UnknownClient: Client was not registered.", "belong to the same environment",
		},
		"api_url leads elsewhere": {
			meEndpoint, saying(http.StatusNotFound, "<html>"),
			append(exchanged[:4:4], "users/me!"), "status 404: no reason given", "api_url belongs to the iTwin Platform",
		},
		"the Platform fails": {
			meEndpoint, saying(http.StatusInternalServerError, ""),
			append(exchanged[:4:4], "users/me!"), "status 500", "status.bentley.com",
		},
		"the app isn't a member": {
			permissionsEndpoint, saying(http.StatusNotFound, `{"error":{"code":"iTwinNotFound"}}`),
			append(exchanged[:4:4], "users/me", "permissions!"), "iTwinNotFound", "invite robot@apps.example",
		},
		"the app's rate limit is used up": {
			permissionsEndpoint, saying(http.StatusTooManyRequests, `{"statusCode":429,"message":"Rate limit is exceeded."}`),
			append(exchanged[:4:4], "users/me", "permissions!"), "status 429: Rate limit is exceeded.", "share its rate limit",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, b := newCheckEnv(t)
			b.Say(c.path, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Correlation-Id", r.Header.Get("X-Correlation-Id"))
				c.answer(w, r)
			})
			answer, stages := e.check("check", fields{keyITwinID: "some-itwin"})
			require.Equal(t, c.stages, stages)
			require.Equal(t, strings.TrimSuffix(stages[len(stages)-1], "!"), answer[keyFailedStage])
			require.Equal(t, false, answer[keyOK])
			require.Contains(t, answer[keyError], c.error)
			require.Contains(t, answer[keyHint], c.hint)
			require.Len(t, answer[keyCorrelationID], 36)
			require.Contains(t, answer[keyError], answer[keyCorrelationID])
		})
	}
}

func TestCheckDistinguishesAnUnreachableServerFromARefusal(t *testing.T) {
	t.Parallel()
	e, _ := newCheckEnv(t)
	e.ims.Close()
	answer, stages := e.check("check")
	require.Equal(t, []string{"config", "connect!"}, stages)
	require.Contains(t, answer[keyError], "the connection was refused")
	require.Contains(t, answer[keyHint], "firewall")
}

func TestCheckNamesAConfigThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	e, _ := newCheckEnv(t)
	e.storage.Plant(t, "config/bad", "canary{")
	e.storage.Plant(t, "role/bad", "canary{")
	e.mustWrite("role/viewer", fields{keyApp: "bad"})
	for path, cause := range map[string]error{"check/viewer": errDamagedConfig, "check/bad": errDamagedRole} {
		answer, stages := e.check(path)
		require.Equal(t, []string{"config!"}, stages)
		require.Equal(t, cause.Error(), answer[keyError])
		require.NotContains(t, answer, keyHint, "the error says it")
	}
	e.storage.Fail(opGet, "role/")
	status, _ := e.mustFailRead("check/other")
	require.Equal(t, http.StatusInternalServerError, status)
}

func TestCheckWorksOnAStandby(t *testing.T) {
	t.Parallel()
	e, _ := newCheckEnv(t)
	standby := e.node()
	standby.system.Standby()
	answer, _ := standby.check("check")
	require.Equal(t, true, answer[keyOK])
}

func TestCheckDoesNotQuoteTheErrorOfABrokenConnection(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	b.Say(meEndpoint, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	answer, _ := e.check("check")
	require.Contains(t, answer[keyError], "the connection was closed")
	require.Contains(t, answer[keyHint], "Check api_url and ca_cert")
	report := &checkReport{}
	report.failPlatform(stageUser, 0, errors.New("canary"))
	e.mustHideCanaries(report.failure.text)
}
