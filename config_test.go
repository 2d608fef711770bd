package itwin

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
)

func TestConfigRefusesBadValues(t *testing.T) {
	t.Parallel()
	const (
		noURL     = "must be an https URL with a host, such as https://ims.bentley.com"
		noText    = "must be text"
		noBool    = "must be true or false"
		noTime    = "must be a duration such as 90s, 30m or 1h, not negative"
		noPEM     = "must be PEM certificates, as in ca_cert=@ca.pem"
		forPeople = ": openid, email, profile, organization and offline_access are for people, not for service apps"
	)
	cases := map[string]struct {
		field string
		value any
		rule  string
	}{
		"an empty id":          {keyClientID, " ", "is empty: give the id of a service app registered in My Apps, client_id=service-…"},
		"a long id":            {keyClientID, strings.Repeat("x", 257), "is longer than 256 bytes: give the id alone, as My Apps shows it"},
		"an id of two words":   {keyClientID, "a b", "has spaces or control characters within: give the id alone, as My Apps shows it"},
		"an id that is a list": {keyClientID, []any{"x"}, noText},
		"an empty secret":      {keyClientSecret, "\n", "is empty: give the secret that My Apps showed, client_secret=… or client_secret=@file"},
		"a long secret": {
			keyClientSecret, strings.Repeat("canary", 700),
			"is longer than 4096 bytes: give the secret alone, as My Apps showed it",
		},
		"a secret in a map":     {keyClientSecret, fields{"canary": "canary"}, noText},
		"an authority by FTP":   {keyAuthority, "ftp://ims.bentley.com", noURL},
		"an authority in clear": {keyAuthority, "http://ims.bentley.com", "must be https; http is allowed only to localhost, 127.0.0.0/8 or ::1"},
		"a password in the URL": {keyTokenURL, "https://user:canary@ims.bentley.com", "must not contain a user name or password"},
		"a URL with a query":    {keyTokenURL, "https://ims.bentley.com/?canary", "must not contain a query or fragment"},
		"a URL with a space":    {keyTokenURL, "https://ims.bentley.com/ canary", "must not contain spaces or control characters"},
		"an API without a host": {keyAPIURL, "https://", noURL},
		"no API at all":         {keyAPIURL, "", noURL},
		"no scopes":             {keyScopes, " , ", "must name at least one scope, such as itwin-platform"},
		"a scope for people":    {keyScopes, "itwins:read offline_access", "must not contain offline_access" + forPeople},
		"an unknown method":     {keyAuthMethod, "private_key_jwt", "must be client_secret_post or client_secret_basic"},
		"no renewal":            {keyRenewBefore, "0s", "must be from 1s to 24h"},
		"renewal in a week":     {keyRenewBefore, "168h", "must be from 1s to 24h"},
		"negative renewal":      {keyRenewBefore, "-1m", noTime},
		"half a second":         {keyRequestTimeout, "500ms", "must be from 1s to 30s"},
		"half a minute and one": {keyRequestTimeout, 31, "must be from 1s to 30s"},
		"no number":             {keyRequestTimeout, "canary", noTime},
		"no certificate":        {keyCACert, "canary", noPEM},
		"a private key":         {keyCACert, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", noPEM},
		"a large bundle": {
			keyCACert, strings.Repeat("canary", 50_000),
			"is longer than 256 KiB: give only the certificates of the CA that signed IMS's, ca_cert=@ca.pem",
		},
		"an old TLS":        {keyTLSMinVersion, "tls11", "must be tls12 or tls13"},
		"perhaps persisted": {keyPersistTokens, "perhaps", noBool},
		"perhaps verified":  {keyVerify, "perhaps", noBool},
	}
	for name, c := range cases {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.mustRefuse(c.field+" "+c.rule, "config", e.app(fields{c.field: c.value}))
			require.Zero(t, e.ims.Exchanges())
			require.Empty(t, e.storage.Entries(t, ""))
		})
	}
}

func TestConfigRefusesUnknownFieldsAndListsTheKnown(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	known := strings.Join(slices.Sorted(maps.Keys(e.Route("config").Fields)), ", ")
	require.Contains(t, known, "client_id, client_secret, ")
	e.mustRefuse(`unknown field "client_secert": the fields are `+known, "config", e.app(fields{"client_secert": canarySecret}))
	e.mustRefuse(`unknown field "ttl": the fields are `+known, "config/qa", e.app(fields{"ttl": 1}))
	require.Empty(t, e.storage.Entries(t, ""))
}

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

func TestConfigMayMoveToWhereTheSecretGoesAlready(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config", fields{keyAuthority: e.ims.URL + "/", keyTokenURL: e.ims.URL + "/connect/token", keyTLSMinVersion: outbound.TLS13})
	require.Equal(t, outbound.TLS13, e.mustRead("config").Data[keyTLSMinVersion])
	e.mustWrite("config", fields{keyTokenURL: ""})
	require.Equal(t, e.ims.URL+"/connect/token", e.mustRead("config").Data[keyTokenURL])
}

func TestConfigStoredUnprovenSaysSo(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	resp := e.mustWrite("config", e.app(fields{keyVerify: false}))
	require.Equal(t, []string{"The config was stored without proof that IMS accepts it: read check to see."}, resp.Warnings)
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
				_, held := e.apps.All()[""].pool.Fresh(defaultScopes, 0)
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
