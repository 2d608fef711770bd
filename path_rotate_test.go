package itwin

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRotateReplacesTheTokenForEveryone(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/one", fields{keyScopes: "itwins:read imodels:read"})
	e.mustWrite("role/two", fields{keyScopes: "imodels:read itwins:read"})
	old := e.token("token/one")
	e.clock.advance(time.Minute)
	rotated := e.mustWrite("rotate/one", nil)
	require.NotEqual(t, old, e.token("token/two"))

	shown := e.mustRead("token/one").Data
	delete(shown, keyAccessToken)
	require.Equal(t, shown, rotated.Data, "all that identifies the new token, and nothing else")
	require.Equal(t, canaryToken+"1", e.token(), "other scopes keep theirs")
	e.mustWrite("rotate", nil)
	require.NotEqual(t, canaryToken+"1", e.token())
}

func TestFailedRotateKeepsThePreviousToken(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	first := e.mustRead("token")
	e.ims.Fail(http.StatusBadGateway)
	status, text := e.mustFail("update", "rotate", nil)
	require.Equal(t, http.StatusBadGateway, status)
	require.Contains(t, text, "status 502")
	require.Equal(t, first, e.mustRead("token"))
}

func TestRotateSaysThatIMSReturnedTheSameTokenAgain(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.ims.Answer(saying(http.StatusOK, `{"access_token":"`+canaryToken+`1","expires_in":3600}`))
	first := e.mustRead("token").Data
	e.clock.advance(time.Minute)
	rotated := e.mustWrite("rotate", nil)
	require.Equal(t, first[keyLastVaultRotation], rotated.Data[keyLastVaultRotation])
	require.Equal(t, []string{"IMS returned the same token again, so it remains the shared one."}, rotated.Warnings)
	require.Regexp(t, `\[INFO\] +IMS returned the same token again: config=config .*token_id=[0-9a-f]{64}`, e.log.String())
}

func TestRotateTriesAtOnceDuringAWait(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	e.ims.Fail(http.StatusBadGateway)
	e.mustFailRead("token")
	e.ims.Work()
	e.mustFailRead("token")
	require.Equal(t, 1, e.ims.Exchanges())
	e.mustWrite("rotate", nil)
	require.Equal(t, canaryToken+"1", e.token())
	require.Equal(t, 2, e.ims.Exchanges())
}

func TestRotateIncreasesLastRotationByAtLeastASecond(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	rotations := []any{e.mustRead("token").Data[keyLastVaultRotation]}
	for range 3 {
		e.clock.advance(time.Millisecond)
		rotations = append(rotations, e.mustWrite("rotate", nil).Data[keyLastVaultRotation])
	}
	require.Equal(t, []any{
		"2026-11-23T12:00:00Z", "2026-11-23T12:00:01Z", "2026-11-23T12:00:02Z", "2026-11-23T12:00:03Z",
	}, rotations)
	require.Equal(t, rotations[3], e.node().mustRead("token").Data[keyLastVaultRotation])

	e.mustWrite("config", fields{keyClientSecret: canarySecret + "2"})
	require.Equal(t, "2026-11-23T12:00:04Z", e.mustRead("token").Data[keyLastVaultRotation], "in the next generation too")
}

func TestRotateWithoutAConfigSaysWhatToRunNext(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustRefuse("the default app isn't configured: run `vault write itwin/config client_id=… client_secret=…`"+
		" with the credentials of a service app", "rotate", nil)
	e.mustRefuse("role \"nobody\" doesn't exist: run `vault write -f itwin/role/nobody`,"+
		" or `vault list itwin/role` to see the existing roles", "rotate/nobody", nil)
}

func TestRotationThatCannotBeStoredWarns(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.storage.Fail(opPut, tokenPrefix)
	resp := e.mustWrite("rotate", nil)
	require.Len(t, resp.Warnings, 1)
	require.Contains(t, resp.Warnings[0], "Could not store the new token")
	e.storage.Work()
	require.Empty(t, e.mustWrite("rotate", nil).Warnings)
}
