package itwin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
)

func TestConfigShowsEveryDefaultAndNoSecret(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustBeAbsent("config")
	e.mustWrite("config", fields{keyClientID: "service-test", keyClientSecret: canarySecret, keyVerify: false})
	shown := e.mustRead("config").Data
	require.Subset(t, shown, fields{
		keyClientID:          "service-test",
		keyClientSecretSetAt: "2026-11-23T12:00:00Z",
		keyAuthority:         "https://ims.bentley.com",
		keyTokenURL:          "https://ims.bentley.com/connect/token",
		keyAPIURL:            "https://api.bentley.com",
		keyScopes:            "itwin-platform",
		keyAuthMethod:        "client_secret_post",
		keyRenewBefore:       int64(1800),
		keyRequestTimeout:    int64(10),
		keyCACert:            "",
		keyTLSMinVersion:     "tls12",
		keyPersistTokens:     true,
		keyAllowedRoles:      "*",
	})
	for name, schema := range e.Route("config").Fields {
		switch {
		case name == keyClientSecret, name == keyVerify:
			require.NotContains(t, shown, name)
		case schema.Default == nil:
			require.Contains(t, shown, name)
		default:
			want := schema.DefaultOrZero()
			if list, ok := want.([]string); ok {
				want = strings.Join(list, ",")
			}
			require.EqualValues(t, want, shown[name], name)
		}
	}
}

func TestConfigNeedsIDAndSecretAtFirst(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustRefuse("client_id is missing: give the id of a service app registered in My Apps, client_id=service-…",
		"config", fields{keyClientSecret: canarySecret})
	e.mustRefuse("client_secret is missing: give the secret that My Apps showed when the app was registered, client_secret=…",
		"config", fields{keyClientID: "service-test"})
	require.Empty(t, e.storage.Entries(t, ""))
	require.Zero(t, e.ims.Exchanges())
}

func TestConfigUpdateChangesOnlyTheGivenFields(t *testing.T) {
	t.Parallel()
	changes := map[string]struct{ given, shown any }{
		keyClientID:       {"service-other", "service-other"},
		keyScopes:         {"itwins:read, imodels:modify", "itwins:read, imodels:modify"},
		keyAuthMethod:     {"client_secret_basic", "client_secret_basic"},
		keyRenewBefore:    {"10m", int64(600)},
		keyRequestTimeout: {"5s", int64(5)},
		keyTLSMinVersion:  {"tls13", "tls13"},
		keyPersistTokens:  {false, false},
		keyAllowedRoles:   {"viewer,team-*", "viewer,team-*"},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			want := e.mustRead("config").Data
			require.NotEqual(t, change.shown, want[name])
			want[name] = change.shown
			e.clock.advance(time.Hour)
			e.mustWrite("config", fields{name: change.given, keyVerify: false})
			require.Equal(t, want, e.mustRead("config").Data)
			e.mustPatch("config", fields{name: change.given, keyVerify: false})
			require.Equal(t, want, e.mustRead("config").Data)
		})
	}
}

func TestConfigPatchWithNullRestoresTheDefault(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app())
	want := e.mustRead("config").Data
	changed := fields{
		keyScopes: "itwins:read", keyAPIURL: "https://qa-api.bentley.com", keyAuthMethod: "client_secret_basic",
		keyRenewBefore: 60, keyRequestTimeout: 5, keyTLSMinVersion: outbound.TLS13, keyPersistTokens: false, keyAllowedRoles: "viewer",
		keyTokenURL: e.ims.URL + "/other", keyCACert: certificate(t),
	}
	nulls := fields{keyClientSecret: canarySecret, keyVerify: false}
	for name := range changed {
		nulls[name] = nil
	}
	e.mustPatch("config", e.app(changed, fields{keyVerify: false}))
	e.mustPatch("config", nulls)
	require.Equal(t, want, e.mustRead("config").Data)

	status, text := e.mustFail(logical.PatchOperation, "config", fields{keyClientID: nil})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "client_id is missing")
	status, text = e.mustFail(logical.PatchOperation, "config", fields{keyClientSecret: nil})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "client_secret is missing")
}

func TestConfigPatchNeedsSomethingToPatch(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	status, text := e.mustFail(logical.PatchOperation, "config/qa", e.app())
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "app \"qa\" isn't configured yet, so there is nothing to patch:"+
		" run `vault write itwin/config/qa client_id=… client_secret=…`", text)
}

func TestConfigsAreListedAndDeletedOneByOne(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	require.Empty(t, e.mustList("config/"))
	for _, path := range []string{"config", "config/qa", "config/dev"} {
		e.mustWrite(path, e.app())
	}
	require.Equal(t, []string{"dev", "qa"}, e.mustList("config/"))
	e.mustDelete("config/qa")
	e.mustDelete("config/qa")
	require.Equal(t, []string{"dev"}, e.mustList("config/"))
	e.mustBeAbsent("config/qa")
	e.mustRead("config")
	e.mustWrite("config/qa", e.app())
	e.mustRead("config/qa")
}

func TestConfigDeleteEndsTheAppAtOnce(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	e.mustDelete("config")
	require.Empty(t, e.storage.Entries(t, ""))
	status, text := e.mustFailRead("token")
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "the default app isn't configured: run `vault write itwin/config client_id=… client_secret=…`"+
		" with the credentials of a service app", text)
}

func TestConfigUpdatesTheSecretsDateOnlyWhenItChanges(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	setAt := func() any { return e.mustRead("config").Data[keyClientSecretSetAt] }
	e.clock.advance(time.Hour)
	e.mustWrite("config", e.app(fields{keyClientID: "service-other"}))
	require.Equal(t, "2026-11-23T12:00:00Z", setAt())
	e.mustWrite("config", fields{keyClientSecret: canarySecret + "2"})
	require.Equal(t, "2026-11-23T13:00:00Z", setAt())
	require.Equal(t, canarySecret+"2", e.ims.Last().Get(keyClientSecret))
}

func TestUnreadableConfigIsReplacedByAFullWrite(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ stored, text string }{
		"an entry that isn't JSON is damaged":     {"canary{", errDamagedConfig.Error()},
		"an entry without a secret is damaged":    {`{"format":1,"client_id":"x","generation":"g"}`, errDamagedConfig.Error()},
		"an entry of the next format needs later": {fmt.Sprintf(`{"format":%d}`, configFormat+1), errNewerConfig.Error()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.storage.Plant(t, "config", c.stored)
			for _, path := range []string{"config", "token"} {
				_, text := e.mustFailRead(path)
				require.Equal(t, c.text, text)
			}
			_, text := e.mustFail(logical.UpdateOperation, "config", fields{keyRenewBefore: 60})
			require.Equal(t, c.text, text)
			_, text = e.mustFail(logical.PatchOperation, "config", e.app())
			require.Equal(t, c.text, text)
			e.mustWrite("config", e.app())
			require.Equal(t, canaryToken+"1", e.token())

			e.storage.Plant(t, "config", c.stored)
			e.mustDelete("config")
			require.Empty(t, e.storage.Entries(t, "config"))
		})
	}
}

func TestConfigWrittenDuringAnExchangeKeepsItsTokenOut(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	gate := e.ims.Hold()
	read := make(chan string)
	go func() {
		resp, err := e.handle(context.Background(), logical.ReadOperation, "token", nil)
		read <- fmt.Sprint(resp.Data[keyAccessToken], err)
	}()
	<-gate.arrived
	e.mustWrite("config", fields{keyClientSecret: canarySecret + "2", keyVerify: false})
	close(gate.released)
	require.Equal(t, canaryToken+"2<nil>", <-read)
	require.Equal(t, canaryToken+"2", e.token())
	require.Equal(t, canarySecret+"2", e.ims.Last().Get(keyClientSecret))
	require.Len(t, e.storage.Entries(t, "token/"), 1)
}
