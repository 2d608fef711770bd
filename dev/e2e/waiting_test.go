package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestChecksThatFloodAnAppSlowNoReader(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	e.ims.SetLifetime(briefLife)
	e.configure(nil)
	e.ims.Fault(emulator.Fault{Delay: 2 * time.Second})
	checker := e.server.User(t, "checker", `path "itwin/check" { capabilities = ["read"] }`)
	checkers := make([]*api.Client, 100)
	for i := range checkers {
		checkers[i] = e.server.Client(t, checker.Token())
	}
	// A hundred connections without a pause would slow readers on a machine of two cores without any help of the engine.
	checks := startLoad(t, "itwin/check", 250*time.Millisecond, checkers...)
	load := startLoad(t, "itwin/token", 20*time.Millisecond, clientsOf(t, e.server, 8)...)
	time.Sleep(briefLife)

	readings := load.stop()
	_, failed := judge(t, readings)
	require.Zero(t, failed)
	require.NotEqual(t, readings[0].token.ID, readings[len(readings)-1].token.ID, "the token rotated under the flood")
	answers := make(map[int]int) // how many for each status
	for _, r := range checks.stop() {
		status := http.StatusOK
		if answer, ok := errors.AsType[*api.ResponseError](r.err); ok {
			status = answer.StatusCode
		}
		answers[status]++
	}
	require.Len(t, answers, 2, "answers to checks: %v", answers)
	require.Positive(t, answers[http.StatusTooManyRequests], "answers to checks: %v", answers)
	require.Positive(t, answers[http.StatusOK], "answers to checks: %v", answers)
}

func TestASilentIMSHoldsUpNoReaderOfAnyScopes(t *testing.T) {
	t.Parallel()
	const sets = 61
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	many := emulator.App{ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"itwin-platform"}}
	for i := range sets {
		many.Scopes = append(many.Scopes, fmt.Sprintf("scope-%d", i))
	}
	e.ims.SetApp(many)
	e.ims.SetLifetime(briefLife)
	e.configure(nil)
	loads := make([]*load, sets)
	for i := range loads {
		role := fmt.Sprintf("role-%d", i)
		e.mustWrite("itwin/role/"+role, fields{"scopes": fmt.Sprintf("scope-%d", i)})
		e.mustToken("itwin/token/" + role)
		loads[i] = startLoad(t, "itwin/token/"+role, 250*time.Millisecond, e.server.Root(t))
	}
	e.ims.Fault(emulator.Fault{Hang: true})
	time.Sleep(rotation + 3*time.Second) // until the last of them is near its end

	for _, load := range loads {
		load.cancel()
	}
	for _, load := range loads {
		judge(t, load.stop())
	}
}
