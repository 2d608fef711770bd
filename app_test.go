package itwin

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/scopes"
)

func TestTokenSurvivesARestartWhileIMSIsDown(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	first := e.mustRead("token")
	e.Cleanup(t.Context())
	e.ims.Close()
	require.Equal(t, first, e.node().mustRead("token"))
}

func TestTokenIsAcceptedWithAnyContentType(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/json", "text/html", "application/x-www-form-urlencoded", "canary;;;", ""} {
		e := newEnv(t)
		e.ims.Answer(headed(map[string]string{"Content-Type": contentType}, saying(http.StatusOK, goodAnswer)))
		e.mustWrite("config", e.app())
		require.Equal(t, "canary-hostile", e.token(), contentType)
	}
}

func TestLastRotationIncreasesAcrossRestartsAndGenerations(t *testing.T) {
	t.Parallel()
	viewer := fields{keyScopes: "itwins:read"}
	cases := map[string]func(restarted *env){
		"of an app that isn't in memory":                   func(*env) {},
		"of an app in memory, its tokens in storage alone": func(e *env) { e.mustRead("status") },
		"of an app whose tokens are kept in memory from now on": func(e *env) {
			e.mustWrite("config", fields{keyPersistTokens: false, keyVerify: false})
		},
	}
	for name, begin := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.mustWrite("role/viewer", viewer)
			for range 3 { // the clock stands still meanwhile
				e.mustWrite("rotate/viewer", nil)
			}
			before := e.mustRead("token/viewer").Data
			require.Equal(t, "2026-11-23T12:00:02Z", before[keyLastVaultRotation])

			e = e.node()
			begin(e)
			e.mustWrite("config", fields{keyClientSecret: canarySecret + "2"})
			for _, path := range []string{"token", "token/viewer"} {
				after := e.mustRead(path).Data
				require.NotEqual(t, before[keyTokenID], after[keyTokenID])
				require.Equal(t, "2026-11-23T12:00:03Z", after[keyLastVaultRotation], path)
			}
		})
	}
}

func TestConfigIsWrittenIfTheLastRotationCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opList, opGet} {
		e := newConfiguredEnv(t).node()
		e.storage.Fail(op, tokenPrefix)
		e.mustWrite("config", fields{keyClientSecret: canarySecret + "2"})
		e.token()
		require.Contains(t, e.log.String(), "could not read the last rotation")
	}
}

func TestTurningPersistenceOffDeletesStoredTokens(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	require.NotEmpty(t, e.storage.Entries(t, "token/"))
	e.mustWrite("config", fields{keyPersistTokens: false, keyVerify: false})
	require.Empty(t, e.storage.Entries(t, "token/"))
	require.Equal(t, canaryToken+"1", e.token())
}

func TestInvalidateLetsTheOtherNodeSeeTheChange(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(leader *env)
		key    string
		path   string
		sees   string
	}{
		"of the config": {
			func(e *env) { e.mustWrite("config", fields{keyClientID: "service-other"}) }, "config", "token", "service-other",
		},
		"of an app": {
			func(e *env) { e.mustWrite("config/qa", fields{keyClientID: "service-other"}) }, "config/qa", "token/qa", "service-other",
		},
		"of a role": {
			func(e *env) { e.mustWrite("role/qa", fields{keyApp: ""}) }, "role/qa", "token/qa", "service-test",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leader := newConfiguredEnv(t)
			leader.mustWrite("config/qa", leader.app(fields{keyClientID: "service-qa"}))
			leader.mustWrite("role/qa", fields{keyApp: "qa"})
			other := leader.node()
			before := other.mustRead(c.path).Data[keyClientID]
			c.change(leader)
			require.Equal(t, before, other.mustRead(c.path).Data[keyClientID], "in memory until it is told")
			other.InvalidateKey(t.Context(), c.key)
			require.Equal(t, c.sees, other.mustRead(c.path).Data[keyClientID])
		})
	}
}

func TestStandbyServesTheStoredTokenAndLeavesMintingToTheLeader(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	standby := e.node()
	standby.system.Standby()
	written := e.storage.Calls(opPut, opDelete)
	require.Equal(t, e.token(), standby.token())
	require.Equal(t, e.token(), standby.token())

	for path, op := range map[string]logical.Operation{
		"rotate": logical.UpdateOperation, "config": logical.UpdateOperation, "config/qa": logical.DeleteOperation,
		"role/viewer": logical.UpdateOperation, "role/editor": logical.DeleteOperation,
	} {
		_, err := standby.handle(t.Context(), op, path, nil)
		require.Equal(t, logical.ErrReadOnly, err, path)
	}
	require.Equal(t, 1, e.ims.Exchanges())
	require.Equal(t, written, e.storage.Calls(opPut, opDelete))
}

func TestStandbyPassesOneReadOnNowAndThenOnceItsTokenIsDue(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	standby := e.node()
	standby.system.Standby()
	first := standby.mustRead("token").Data
	standby.advance(lifetime/2 - time.Second)
	for range 3 {
		require.Empty(t, standby.mustRead("token").Warnings, "before the rotation nothing is passed on")
	}

	standby.advance(time.Second)
	for _, wait := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, 30 * time.Second} {
		_, err := standby.handle(t.Context(), logical.ReadOperation, "token", nil)
		require.Equal(t, logical.ErrReadOnly, err, "bare, so that Vault forwards it")
		standby.mustServeThePrevious(first)
		standby.advance(wait - time.Millisecond)
		standby.mustServeThePrevious(first)
		standby.advance(time.Millisecond)
	}
	require.Equal(t, 1, e.ims.Exchanges())

	require.Equal(t, canaryToken+"2", e.token(), "a read that Vault has forwarded")
	for key := range e.storage.Entries(t, tokenPrefix) {
		standby.invalidate(t.Context(), key)
	}
	renewed := standby.mustRead("token")
	require.Equal(t, canaryToken+"2", renewed.Data[keyAccessToken])
	require.Empty(t, renewed.Warnings)
	require.Zero(t, standby.tallies.total("", scopes.Set{}).failed)
}

// mustServeThePrevious expects the token that first was about, and why there is no newer one.
func (e *env) mustServeThePrevious(first map[string]any) {
	e.t.Helper()
	previous := e.mustRead("token")
	require.Equal(e.t, first[keyAccessToken], previous.Data[keyAccessToken])
	require.Equal(e.t, first[keyLastVaultRotation], previous.Data[keyLastVaultRotation])
	require.LessOrEqual(e.t, previous.Data[keyTTL], int64(30))
	require.Equal(e.t, []string{"This is the previous token, valid until 2026-11-23T13:00:00Z: this node can't write," +
		" and has been waiting for a new token from the active node since 2026-11-23T12:30:00Z."}, previous.Warnings)
}

func TestStandbyFindsWhatTheLeaderStoredWithoutAnInvalidation(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	standby := e.node()
	standby.system.Standby()
	standby.token()
	e.clock.advance(lifetime / 2)
	require.Equal(t, canaryToken+"2", e.token())
	require.Equal(t, canaryToken+"2", standby.token())
}

func TestConfigWriteThatFailsAfterStoringIsRepairedByTheNext(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.storage.FailLate(opPut, "config")
	next := fields{keyClientID: "service-other", keyVerify: false}
	e.mustFail(logical.UpdateOperation, "config", next)
	require.Equal(t, canaryToken+"1", e.token())
	e.storage.Work()
	e.mustWrite("config", next)
	shown := e.mustRead("token").Data
	require.Equal(t, canaryToken+"2", shown[keyAccessToken], "the old identity's token is gone")
	require.Equal(t, "service-other", shown[keyClientID])
}

// startReading reads while IMS holds its answer back, and returns how to end that.
func startReading(t *testing.T, e *env, path string) (finish func()) {
	t.Helper()
	gate := e.ims.Hold()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = e.handle(context.WithoutCancel(t.Context()), logical.ReadOperation, path, nil)
	}()
	<-gate.arrived
	return func() {
		close(gate.released)
		<-done
	}
}

func TestExchangeIsRepeatedAfterAConfigWriteReplacesIt(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	e.ims.Fail(503)
	finish := startReading(t, e, "token/viewer")
	e.mustWrite("config", fields{keyRenewBefore: 60, keyVerify: false})
	e.ims.Work()
	finish()
	e.token("token/viewer") // no wait is left from the failure under the old config
}

func TestReadersRecoverFromAPoolThatAnInvalidationRetired(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	known, ok := e.apps.Peek("")
	require.True(t, ok)
	known.pool.Retire()
	require.Equal(t, canaryToken+"1", e.token(), "read again from storage")
}

func TestCanceledReaderDoesNotWaitForHangingStorage(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t).node()
	ctx, cancel := context.WithCancel(t.Context())
	hanging := make(chan struct{})
	t.Cleanup(func() { close(hanging) })
	storage := &between{Storage: e.storage, prefix: "config", do: func(string) {
		cancel()
		<-hanging
	}}
	_, err := e.readVia(ctx, storage, "token")
	_, canceled := answer(context.Canceled)
	require.Equal(t, canceled, err)
}

func TestTokenInUseIsRenewedBeforeItsRotation(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	e.advance(29*time.Minute - time.Second)
	require.Equal(t, 1, e.ims.Exchanges())
	e.advance(time.Second)
	require.Equal(t, 2, e.ims.Exchanges(), "a minute ahead")
	require.Equal(t, canaryToken+"2", e.token())
}

func TestUnreadTokenExpiresWithoutRenewal(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for range 12 {
		e.advance(10 * time.Minute)
	}
	require.Equal(t, 1, e.ims.Exchanges())
	require.Equal(t, canaryToken+"2", e.token())
}

func TestReadersDoNotNoticeAnOutageOfHalfAnHour(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	require.Empty(t, e.mustRead("token").Warnings)
	e.advance(28 * time.Minute)
	e.ims.Fail(http.StatusServiceUnavailable)
	for range 60 {
		e.advance(30 * time.Second)
		require.Equal(t, canaryToken+"1", e.token())
	}
	require.NotEmpty(t, e.mustRead("token").Warnings)
	e.ims.Work()
	e.advance(30 * time.Second)
	require.Empty(t, e.mustRead("token").Warnings)
	require.Equal(t, canaryToken+"2", e.token())
}
