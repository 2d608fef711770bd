package itwin

import (
	"context"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// These tests let other writes and deletes overtake a config write while IMS verifies it.

// startWriting writes a config while IMS holds its answer back. finish lets IMS
// answer and returns the write's own answer.
func startWriting(t *testing.T, e *env, data fields) (finish func() string) {
	t.Helper()
	gate := e.ims.Hold()
	done := make(chan string, 1)
	go func() {
		resp, err := e.handle(context.WithoutCancel(t.Context()), logical.UpdateOperation, "config", data)
		switch {
		case err != nil:
			done <- err.Error()
		case resp.IsError():
			done <- resp.Error().Error()
		default:
			done <- ""
		}
	}()
	<-gate.arrived
	return func() string {
		close(gate.released)
		return <-done
	}
}

const changedMeanwhile = "another write or delete changed the config in the meantime, so nothing was stored:" +
	" run `vault read itwin/config` and write again"

func TestConfigWriteBuildsOnWhatIsStoredWhenItsVerificationEnds(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	finish := startWriting(t, e, fields{keyClientSecret: canarySecret + "2"})
	e.mustWrite("config", fields{keyRenewBefore: 60, keyAllowedRoles: "viewer", keyVerify: false})
	require.Empty(t, finish())
	shown := e.mustRead("config").Data
	require.Equal(t, int64(60), shown[keyRenewBefore])
	require.Equal(t, "viewer", shown[keyAllowedRoles])
	require.Equal(t, canaryToken+"2", e.token(), "the token of the verifying exchange is the new generation's first")
	require.Equal(t, 2, e.ims.Exchanges())
}

func TestConfigWriteStoresOnlyWhatWasVerified(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]fields{
		"another id":     {keyClientID: "service-other", keyVerify: false},
		"other scopes":   {keyScopes: "itwins:read", keyVerify: false},
		"another method": {keyAuthMethod: "client_secret_basic", keyVerify: false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			finish := startWriting(t, e, fields{keyRenewBefore: 60})
			e.mustWrite("config", meanwhile)
			stored := e.storage.Entries(t, "config")
			require.Equal(t, changedMeanwhile, finish())
			require.Equal(t, stored, e.storage.Entries(t, "config"))
		})
	}
}

func TestConfigDeletedWhileAWriteIsVerifiedStaysDeleted(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	finish := startWriting(t, e, e.app(fields{keyClientSecret: canarySecret + "2"}))
	e.mustDelete("config")
	require.Equal(t, changedMeanwhile, finish())
	e.mustBeAbsent("config")
	require.Empty(t, e.storage.Entries(t, ""))
}

func TestDeleteWaitsNeitherForIMSNorForWriters(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	hanging := make(chan struct{})
	e.ims.Answer(func(http.ResponseWriter, *http.Request) { <-hanging })
	statuses := make(chan string, 10)
	for i := range 10 {
		go func() {
			_, err := e.handle(context.WithoutCancel(t.Context()), logical.UpdateOperation, "config", e.app(fields{keyRenewBefore: 60 + i}))
			if err != nil {
				statuses <- err.Error()
				return
			}
			statuses <- ""
		}()
	}
	for range 10 - maxVerifications {
		require.Equal(t, "two config writes for the default app are already running (each takes at most 10s):"+
			" try again when one finishes", <-statuses)
	}
	e.mustDelete("config")
	e.mustBeAbsent("config")
	e.mustFailRead("token")
	close(hanging)
	for range maxVerifications {
		<-statuses
	}
	e.mustBeAbsent("config")
}

func TestTooManyVerifyingWritesAreRefusedOnlyForTheirApp(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for range 2 {
		release, ok := e.verifications.TryAcquire("")
		require.True(t, ok)
		t.Cleanup(release)
	}
	status, _ := e.mustFail(logical.UpdateOperation, "config", fields{keyRenewBefore: 60})
	require.Equal(t, http.StatusTooManyRequests, status)
	e.mustWrite("config", fields{keyRenewBefore: 60, keyVerify: false})
	e.mustWrite("config/qa", e.app())
	e.mustRead("check")
	e.clock.advance(lifetime)
	require.NotEmpty(t, e.token(), "readers have exchanges of their own")
}
