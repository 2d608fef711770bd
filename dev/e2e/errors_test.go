package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestMistakesOfTheCallerAreAnswered400(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	_, err := e.root.Logical().Read("itwin/token")
	requireStatus(t, err, http.StatusBadRequest, "the default app isn't configured: run `vault write itwin/config client_id=")
	e.configure(nil)
	_, err = e.root.Logical().Read("itwin/token/nobody")
	requireStatus(t, err, http.StatusBadRequest, "doesn't exist", "itwin/role/nobody`")

	for name, c := range map[string]struct {
		path, text string
		data       fields
	}{
		"a limit out of range":            {"itwin/config", "request_timeout must be from 1s to 30s", fields{"request_timeout": "31s"}},
		"a duration that is none":         {"itwin/config", "renew_before must be a non-negative duration", fields{"renew_before": "soon"}},
		"an unknown authentication":       {"itwin/config", "auth_method must be client_secret_post or", fields{"auth_method": "none"}},
		"a scope that is for people":      {"itwin/config", "openid", fields{"scopes": "openid"}},
		"an authority without TLS":        {"itwin/config", "authority", fields{"authority": "http://ims.example.com"}},
		"another address for a secret":    {"itwin/config", "give client_secret=… again", fields{"authority": "https://ims.example.com"}},
		"a field that isn't there":        {"itwin/config", `unknown field "client_secrets"`, fields{"client_secrets": "x"}},
		"a role's field that isn't":       {"itwin/role/viewer", `unknown field "scope"`, fields{"scope": "itwins:read"}},
		"a wish for life that is no time": {"itwin/token", "min_ttl must be a non-negative duration", fields{"min_ttl": "long"}},
		"a wish for too much life":        {"itwin/token", "min_ttl=2h", fields{"min_ttl": "2h"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.root.Logical().Write(c.path, c.data)
			requireStatus(t, err, http.StatusBadRequest, c.text)
		})
	}
}

func TestFailuresOfIMSAreToldApart(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	for name, c := range map[string]struct {
		fault  emulator.Fault
		status int
		texts  []string
	}{
		"it refuses the secret": {
			emulator.Fault{Error: "invalid_client", Description: "Invalid client or client credentials."},
			http.StatusBadRequest,
			[]string{"status 401", "invalid_client", "Check client_id and client_secret"},
		},
		"it refuses the scope": {
			emulator.Fault{Error: "invalid_scope"}, http.StatusBadRequest, []string{"invalid_scope", "add it to the app in My Apps"},
		},
		"it limits the rate": {
			emulator.Fault{RetryAfter: 7 * time.Second}, http.StatusTooManyRequests, []string{"asks to wait 7s", "next attempt at "},
		},
		"it is in maintenance": {
			emulator.Fault{Status: http.StatusServiceUnavailable}, http.StatusBadGateway, []string{"status 503", "check status.bentley.com"},
		},
		"it answers nonsense": {
			emulator.Fault{Status: http.StatusOK, Body: "{}", ContentType: "application/json"},
			http.StatusBadGateway,
			[]string{"stage decoding", "authority and token_url"},
		},
		"it breaks off": {
			emulator.Fault{DropConnection: true}, http.StatusBadGateway, []string{"stage waiting for the answer", "/connect/token"},
		},
		"it is slower than the limit": {
			emulator.Fault{Delay: 5 * time.Second},
			http.StatusGatewayTimeout,
			[]string{"within 1s", "stage waiting for the answer", "increase request_timeout"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := e.in(t)
			id := strings.ReplaceAll(name, " ", "-")
			e.mustWrite("itwin/config/"+id, app(e.ims, fields{"request_timeout": "1s", "verify": false}))
			e.mustWrite("itwin/role/"+id, fields{"app": id})
			e.ims.Fault(c.fault)
			_, err := e.root.Logical().Read("itwin/token/" + id)
			requireStatus(t, err, c.status, c.texts...)
			again, sent := time.Now(), e.ims.Exchanges()
			_, err = e.root.Logical().Read("itwin/token/" + id)
			requireStatus(t, err, c.status, c.texts...)
			require.Equal(t, sent, e.ims.Exchanges(), "while the retry time has not come, IMS is left alone")
			require.Less(t, time.Since(again), 500*time.Millisecond, "and the answer comes at once")
		})
	}
}

func TestUnreachableIMSIsAnswered502(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(fields{"verify": false})
	require.NoError(t, e.ims.Down())
	_, err := e.root.Logical().Read("itwin/token")
	requireStatus(t, err, http.StatusBadGateway, e.ims.URL()+"/connect/token", "stage connect")
	_, err = e.root.Logical().Write("itwin/config", fields{"client_secret": "another"})
	requireStatus(t, err, http.StatusBadGateway, "nothing was stored", "verify=false")
}

func TestWrongSecretLeavesTheConfigAsItWas(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	config, before := e.mustRead("itwin/config").Data, e.mustToken("itwin/token")
	_, err := e.root.Logical().Write("itwin/config", fields{"client_secret": "wrong", "renew_before": "10m"})
	requireStatus(t, err, http.StatusBadRequest, "invalid_client", "nothing was stored")
	require.NotContains(t, err.Error(), "wrong")
	require.Equal(t, config, e.mustRead("itwin/config").Data)
	require.Equal(t, before.ID, e.mustToken("itwin/token").ID)
	e.mustWrite("itwin/rotate", nil)
}
