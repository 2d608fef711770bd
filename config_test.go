package itwin

import (
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/scopes"
)

func TestConfigSendsAStoredSecretNowhereElse(t *testing.T) {
	t.Parallel()
	pem := certificate(t)
	cases := map[string]struct {
		field string
		value any
	}{
		"another authority": {keyAuthority, "https://qa-ims.bentley.com"},
		"another endpoint":  {keyTokenURL, "https://ims.bentley.com/other"},
		"another CA":        {keyCACert, pem},
		"another Platform":  {keyAPIURL, "https://qa-api.bentley.com"},
		"an older TLS":      {keyTLSMinVersion, outbound.TLS12},
	}
	for name, c := range cases {
		t.Run(name+" needs the secret again", func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.mustWrite("config", e.app(fields{keyTLSMinVersion: outbound.TLS13}))
			before := e.storage.Entries(t, "")
			what := map[bool]string{false: "the secret is", true: "tokens are"}[c.field == keyAPIURL]
			text := "changing " + c.field + " changes where " + what + " sent: give client_secret=… again in the same write"
			e.mustRefuse(text, "config", fields{c.field: c.value, keyVerify: false})
			_, patched := e.mustFail(logical.PatchOperation, "config", fields{c.field: c.value, keyVerify: false})
			require.Equal(t, text, patched)
			require.Equal(t, before, e.storage.Entries(t, ""))
			require.Equal(t, 1, e.ims.Exchanges())

			e.mustWrite("config", fields{c.field: c.value, keyClientSecret: canarySecret, keyVerify: false})
			require.Equal(t, c.value, e.mustRead("config").Data[c.field])
		})
	}
}

func TestConfigMayChangeAFieldThatKeepsTheDestination(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config", fields{keyAuthority: e.ims.URL + "/", keyTokenURL: e.ims.URL + "/connect/token", keyTLSMinVersion: outbound.TLS13})
	require.Equal(t, outbound.TLS13, e.mustRead("config").Data[keyTLSMinVersion])
	e.mustPatch("config", fields{keyCACert: "\n", keyVerify: false})
	e.mustWrite("config", fields{keyTokenURL: ""})
	require.Empty(t, e.mustRead("config").Data[keyTokenURL], "as it was written")
	require.Equal(t, e.ims.URL+"/", e.mustRead("config").Data[keyAuthority])
}

func TestConfigStoredUnverifiedSaysSo(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	resp := e.mustWrite("config", e.app(fields{keyVerify: false}))
	require.Equal(t, []string{
		"The config was stored without verifying it with IMS: run `vault read itwin/check` to see whether it works.",
	}, resp.Warnings)
	require.Zero(t, e.ims.Exchanges())
	require.Nil(t, e.mustWrite("config", e.app()))
	require.Equal(t, 1, e.ims.Exchanges())
	require.NotContains(t, e.storage.Entries(t, "")["config"], keyVerify)
}

func TestConfigBeginsAGenerationWithEachIdentityOrSecret(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change fields
		begins bool
	}{
		"another id begins one":            {fields{keyClientID: "service-other"}, true},
		"another secret begins one":        {fields{keyClientSecret: canarySecret + "2"}, true},
		"another endpoint begins one":      {fields{keyClientSecret: canarySecret, keyTokenURL: "https://ims.bentley.com/t"}, true},
		"the same secret again does not":   {fields{keyClientSecret: canarySecret}, false},
		"another renew_before does not":    {fields{keyRenewBefore: 60}, false},
		"another request_timeout does not": {fields{keyRequestTimeout: 5}, false},
		"another auth_method does not":     {fields{keyAuthMethod: "client_secret_basic"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			stored := e.storage.Entries(t, "token/")
			require.Len(t, stored, 1)
			c.change[keyVerify] = false
			e.mustWrite("config", c.change)
			if c.begins {
				require.Empty(t, e.storage.Entries(t, "token/"))
				_, held := e.apps.All()[""].pool.Fresh(defaultConfig().Scopes, 0)
				require.False(t, held)
				return
			}
			require.Equal(t, stored, e.storage.Entries(t, "token/"))
			require.Equal(t, canaryToken+"1", e.token())
			require.Equal(t, 1, e.ims.Exchanges())
		})
	}
}

func TestConfigWriteEndsTheWaitForARetry(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	e.ims.Fail(http.StatusBadGateway)
	e.mustFailRead("token")
	e.ims.Work()
	status, text := e.mustFailRead("token")
	require.Equal(t, http.StatusBadGateway, status)
	require.Contains(t, text, "next attempt at")
	e.mustWrite("config", fields{keyRenewBefore: 60, keyVerify: false})
	require.Equal(t, canaryToken+"1", e.token())
}

func TestConfigWithAnotherRenewBeforeMovesTheRotation(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	require.Equal(t, int64(1800), e.mustRead("token").Data[keyRotationPeriod])
	e.mustWrite("config", fields{keyRenewBefore: "10m", keyVerify: false})
	require.Equal(t, int64(3000), e.mustRead("token").Data[keyTTL])
	e.clock.advance(45 * time.Minute)
	require.Equal(t, canaryToken+"1", e.token())
}

func TestTokenReadWithADamagedConfigIsA400(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.storage.Plant(t, "config", "{")
	status, text := e.mustFail(logical.ReadOperation, "token", nil)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "write it again in full")
}

func TestTooLongMinTTLDoesNotCountAsAFailedRead(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustFail(logical.ReadOperation, "token", fields{keyMinTTL: 59 * int(time.Minute/time.Second)})
	require.Zero(t, e.tallies.total("", scopes.Set{}).failed)
}
