package itwin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokens"
)

func TestTokenHasTheFieldsOfStaticCredentials(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	id := sha256.Sum256([]byte(canaryToken + "1"))
	want := fields{
		keyAccessToken:       canaryToken + "1",
		keyTokenType:         "Bearer",
		keyScope:             "itwin-platform",
		keyClientID:          "service-test",
		keyTokenID:           hex.EncodeToString(id[:]),
		keyExpiresAt:         "2026-11-23T13:00:00Z",
		keyExpiresAtUnix:     noon().Add(lifetime).Unix(),
		keyTTL:               int64(1800),
		keyRotationPeriod:    int64(1800),
		keyLastVaultRotation: "2026-11-23T12:00:00Z",
	}
	resp := e.mustRead("token")
	require.Equal(t, &logical.Response{Data: want}, resp, "no lease, no warning")
	require.Equal(t, resp, e.mustWrite("token", nil))

	e.clock.advance(10*time.Minute + time.Millisecond)
	want[keyTTL] = int64(1200)
	require.Equal(t, want, e.mustRead("token").Data, "ttl alone differs, rounded up")
}

func TestTokenIsReturnedByReadAndWrite(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	first := e.mustWrite("token/viewer", nil)
	require.Equal(t, "itwins:read", first.Data[keyScope])
	require.Equal(t, "itwins:read", e.ims.Last().Get("scope"))
	require.Equal(t, first, e.mustRead("token/viewer"))
	require.Equal(t, first, e.mustWrite("token/viewer", fields{keyMinTTL: "10m"}))
}

func TestTokenTTLSpreadsReaders(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e = e.node()
	e.jitter = func(most time.Duration) time.Duration { return most }
	require.Equal(t, int64(1860), e.mustRead("token").Data[keyTTL], "min(G/10, 60s) more at most")
	e.clock.advance(lifetime/2 - time.Millisecond)
	require.Equal(t, int64(61), e.mustRead("token").Data[keyTTL])
}

func TestTokenTTLIsAtLeastThreeSeconds(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.clock.advance(lifetime/2 - time.Millisecond)
	require.Equal(t, int64(3), e.mustRead("token").Data[keyTTL])
}

func TestTokenIsSharedByRolesOfTheSameAppAndScopes(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config/qa", e.app(fields{keyClientID: "service-qa", keyVerify: false}))
	e.mustWrite("role/one", fields{keyScopes: "itwins:read imodels:read"})
	e.mustWrite("role/two", fields{keyScopes: "imodels:read,itwins:read"})
	e.mustWrite("role/plain", nil)
	e.mustWrite("role/qa", fields{keyApp: "qa", keyScopes: "itwins:read imodels:read"})
	require.Equal(t, e.token(), e.token("token/plain"))
	require.Equal(t, e.token("token/one"), e.token("token/two"))
	require.NotEqual(t, e.token("token/one"), e.token())
	require.NotEqual(t, e.token("token/one"), e.token("token/qa"))
	require.Equal(t, "service-qa", e.mustRead("token/qa").Data[keyClientID])
	require.Equal(t, 3, e.ims.Exchanges())
}

func TestTokenWithoutAConfigSaysWhatToRunNext(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	cases := map[string]string{
		"token": "the default app isn't configured: run `vault write itwin/config client_id=… client_secret=…`" +
			" with the credentials of a service app",
		"token/nobody": "role \"nobody\" doesn't exist: run `vault write -f itwin/role/nobody`," +
			" or `vault list itwin/role` to see the existing roles",
		"token/lost": "app \"gone\" isn't configured: run `vault write itwin/config/gone client_id=… client_secret=…`" +
			" with the credentials of a service app",
	}
	e.mustWrite("config/gone", e.app())
	e.mustWrite("role/lost", fields{keyApp: "gone"})
	e.token("token/lost")
	e.mustDelete("config/gone")
	for path, want := range cases {
		status, text := e.mustFailRead(path)
		require.Equal(t, http.StatusBadRequest, status)
		require.Equal(t, want, text)
		e.mustRefuse(want, path, nil)
	}
}

func TestTokenIsValidForAtLeastMinTTL(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		age    time.Duration
		asked  any
		tokens int
	}{
		"what the shared token has is met":    {0, "54m", 1},
		"what it has by the second is met":    {10 * time.Minute, 3000, 1},
		"more than it has is minted":          {10*time.Minute + time.Second, "50m", 2},
		"an empty wish is no wish":            {20 * time.Minute, "0s", 1},
		"what normal running guarantees, too": {29 * time.Minute, "30m", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.clock.advance(c.age)
			asked := e.mustRead("token", fields{keyMinTTL: c.asked})
			require.Equal(t, c.tokens, e.ims.Exchanges())
			require.Equal(t, asked, e.mustRead("token"), "it is the shared one")
		})
	}
}

func TestTokenRefusesAnImpossibleMinTTL(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for asked, want := range map[string]string{
		"55m":    minLifeText(&tokens.MinLifeError{Asked: 55 * time.Minute, Max: 54 * time.Minute, Lifetime: time.Hour}),
		"-1s":    "min_ttl must be a non-negative duration",
		"canary": "min_ttl must be a non-negative duration",
	} {
		for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation} {
			status, text := e.mustFail(op, "token", fields{keyMinTTL: asked})
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, text, want)
		}
	}
	require.Equal(t, 1, e.ims.Exchanges())
}

func TestPreviousTokenIsServedWhileIMSFails(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	first := e.mustRead("token")
	e.clock.advance(31 * time.Minute)
	e.ims.Refuse("invalid_client")
	old := e.mustRead("token")
	require.Equal(t, int64(3), old.Data[keyTTL])
	require.Len(t, old.Warnings, 1)
	require.Regexp(t, `^This is the previous token, valid until 2026-11-23T13:00:00Z: minting has failed since`+
		` 2026-11-23T12:31:00Z \(.*invalid_client.*\); next attempt at 2026-11-23T12:31:01Z\.$`, old.Warnings[0])
	old.Data[keyTTL] = first.Data[keyTTL]
	require.Equal(t, first.Data, old.Data)

	e.clock.advance(28*time.Minute + time.Second)
	e.settle()
	status, text := e.mustFailRead("token")
	require.Equal(t, http.StatusBadRequest, status, "less than a minute left: %s", text)
}

func TestReadersGetTheErrorAtOnceUntilTheNextAttempt(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	e.ims.Fail(http.StatusBadGateway)
	const due = "; failing since 2026-11-23T12:00:00Z, next attempt at 2026-11-23T12:00:01Z"
	for range 3 {
		status, text := e.mustFailRead("token")
		require.Equal(t, http.StatusBadGateway, status)
		require.Contains(t, text, "status 502")
		require.Contains(t, text, due)
	}
	require.Equal(t, 1, e.ims.Exchanges())
	e.ims.Work()
	e.clock.advance(time.Second)
	require.Equal(t, canaryToken+"1", e.token())
	require.Contains(t, e.log.String(), "IMS has recovered")
}

func TestReadersObeyTheRateLimit(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	e.ims.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	for range 2 {
		status, text := e.mustFailRead("token")
		require.Equal(t, http.StatusTooManyRequests, status)
		require.Contains(t, text, "asks clients to wait 2m0s")
		require.Contains(t, text, "next attempt at 2026-11-23T12:02:00Z")
		e.clock.advance(119 * time.Second)
	}
	require.Equal(t, 1, e.ims.Exchanges())
}

func TestSharedTokenIsReadWithoutACallToVault(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", nil)
	paths := []string{"token", "token/viewer"}
	for _, path := range paths {
		e.token(path)
	}
	storage, system := e.storage.Calls(), e.system.calls.Load()
	for _, path := range paths {
		e.token(path)
		_, err := e.HandleRequest(t.Context(), &logical.Request{Operation: logical.UpdateOperation, Path: path})
		require.NoError(t, err)
		e.mustRead(path, fields{keyMinTTL: "45m"})
	}
	require.Equal(t, storage, e.storage.Calls())
	require.Equal(t, system, e.system.calls.Load())
}

func TestConcurrentReadersShareOneExchange(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	e = e.node()
	gate := e.ims.Hold()
	var readers sync.WaitGroup
	got := make(chan any, 50)
	for range cap(got) {
		readers.Go(func() { got <- e.read(context.Background()) })
	}
	<-gate.arrived
	close(gate.released)
	readers.Wait()
	close(got)
	for token := range got {
		require.Equal(t, canaryToken+"1", token)
	}
	require.Equal(t, 1, e.ims.Exchanges())
}

func TestReaderWhoGivesUpDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	gate := e.ims.Hold()
	impatient, giveUp := context.WithCancel(t.Context())
	left, got := make(chan any), make(chan any)
	go func() { left <- e.read(impatient) }()
	<-gate.arrived
	go func() { got <- e.read(context.Background()) }()
	giveUp()
	_, canceled := answer(context.Canceled)
	require.Equal(t, canceled, <-left)
	close(gate.released)
	require.Equal(t, canaryToken+"1", <-got)
	require.Equal(t, 1, e.ims.Exchanges())
}

// read returns the token or the error; unlike e.token it may run beside the test.
func (e *env) read(ctx context.Context) any {
	resp, err := e.handle(ctx, logical.ReadOperation, tokenPath, nil)
	if err != nil {
		return err
	}
	return resp.Data[keyAccessToken]
}
