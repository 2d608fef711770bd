package itwin

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
)

func TestConfigRefusesBadValues(t *testing.T) {
	t.Parallel()
	const (
		noURL     = "must be an https URL with a host, such as https://ims.bentley.com"
		noText    = "must be a string"
		noSecret  = "is missing: give the secret that My Apps showed when the app was registered, client_secret=…"
		inClear   = "must be https; http is allowed only to localhost, 127.0.0.0/8 or ::1"
		noBool    = "must be true or false"
		noTime    = "must be a non-negative duration in whole seconds, such as 90s, 30m or 1h"
		forPeople = ": openid, email, profile, organization and offline_access are for users, not for service apps"
	)
	cases := map[string]struct {
		field string
		value any
		rule  string
	}{
		"an empty id":          {keyClientID, " ", "is only spaces: give the id of a service app registered in My Apps, client_id=service-…"},
		"a long id":            {keyClientID, strings.Repeat("x", 257), "is longer than 256 characters: give only the id, as My Apps shows it"},
		"an id of two words":   {keyClientID, "a b", "has a space (character 2): give only the id, as My Apps shows it"},
		"an id that is a list": {keyClientID, []any{"x"}, noText},
		"a quoted id":          {keyClientID, `"service-test"`, "is in quotes: give the id without them"},
		"an empty secret":      {keyClientSecret, "\n", noSecret},
		"a long secret": {
			keyClientSecret, strings.Repeat("canary", 700),
			"is longer than 4096 characters: give only the secret, as My Apps showed it",
		},
		"a file of credentials": {
			keyClientSecret, "{\n  \"client_id\": \"canary\",\n  \"client_secret\": \"canary\"\n}\n",
			"is a whole JSON document: give only the value, without the quotes around it",
		},
		"an id in place of the secret": {
			keyClientSecret, "service-" + strings.Repeat("canary", 4),
			"looks like a client id: give the secret that My Apps showed when the app was registered",
		},
		"a secret that is the id": {
			keyClientSecret, "service-test", "is the same as client_id: give the secret that My Apps showed, client_secret=…",
		},
		"a secret in place of the id": {
			keyClientID, strings.Repeat("canary+/", 10) + "==",
			"looks like a client secret: give the id, client_id=service-…, and the secret as client_secret",
		},
		"a discovery document": {
			keyAuthority, "https://ims.bentley.com/.well-known/openid-configuration",
			"must be the authority alone: type https://ims.bentley.com",
		},
		"a token endpoint as authority": {
			keyAuthority, "https://ims.bentley.com/connect/token/",
			"must be the authority alone: type https://ims.bentley.com",
		},
		"a discovery document as endpoint": {
			keyTokenURL, "https://ims.bentley.com/.well-known/openid-configuration",
			"must be the token endpoint: type https://ims.bentley.com/connect/token",
		},
		"an API in place of the Platform": {
			keyAPIURL, "https://qa-api.bentley.com/users/me", "must be the base URL alone: type https://qa-api.bentley.com",
		},
		"a pattern of nothing": {keyAllowedRoles, ",", "must name at least one role, or * for any"},
		"a pattern that is a path": {
			keyAllowedRoles, "role/viewer", "must be role names separated by commas; * matches any characters",
		},
		"patterns with a number": {keyAllowedRoles, []any{"viewer", 1}, "must be a string or a list of strings"},
		"a secret in a map":      {keyClientSecret, fields{"canary": "canary"}, noText},
		"an authority by FTP":    {keyAuthority, "ftp://ims.bentley.com", noURL},
		"an authority in clear":  {keyAuthority, "http://ims.bentley.com", inClear},
		"a password in the URL":  {keyTokenURL, "https://user:canary@ims.bentley.com", "must not contain a user name or password"},
		"a URL with a query":     {keyTokenURL, "https://ims.bentley.com/?canary", "must not contain a query or fragment"},
		"a URL with a space":     {keyTokenURL, "https://ims.bentley.com/ canary", "must not contain spaces or control characters"},
		"an API without a host":  {keyAPIURL, "https://", noURL},
		"no scopes":              {keyScopes, " , ", "must name at least one scope, such as itwin-platform"},
		"a scope for people":     {keyScopes, "itwins:read offline_access", "must not contain offline_access" + forPeople},
		"an unknown method":      {keyAuthMethod, "private_key_jwt", "must be client_secret_post or client_secret_basic"},
		"no renewal":             {keyRenewBefore, "0s", "must be from 1s to 24h"},
		"renewal in a week":      {keyRenewBefore, "168h", "must be from 1s to 24h"},
		"negative renewal":       {keyRenewBefore, "-1m", noTime},
		"half a second":          {keyRequestTimeout, "500ms", noTime},
		"half a minute and one":  {keyRequestTimeout, 31, "must be from 1s to 30s"},
		"no number":              {keyRequestTimeout, "canary", noTime},
		"no certificate": {
			keyCACert, "canary", "must hold at least one certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----",
		},
		"a private key": {
			keyCACert, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
			"must be whole certificates in PEM form; block 1 is a private key: remove it, and keep it secret",
		},
		"a large bundle": {
			keyCACert, strings.Repeat("canary", 50_000),
			"is longer than 256 KiB: give only the certificates of the CA that signed IMS's certificate, ca_cert=@ca.pem",
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

func TestConfigReadsBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	bundle := certificate(t)
	for name, c := range map[string]struct {
		field        string
		given, shown any
	}{
		"a trailing slash":                         {keyAPIURL, "https://API.bentley.com/", "https://API.bentley.com/"},
		"an endpoint that isn't named":             {keyTokenURL, "", ""},
		"a bundle without a line break at its end": {keyCACert, strings.TrimSpace(bundle), strings.TrimSpace(bundle)},
		"a bundle with a line break at its end":    {keyCACert, strings.TrimSpace(bundle) + "\n", strings.TrimSpace(bundle) + "\n"},
		"scopes with commas, out of order":         {keyScopes, "b, a,b", "b, a,b"},
		"scopes in a list":                         {keyScopes, []any{"b", "a"}, []string{"b", "a"}},
		"roles in a list":                          {keyAllowedRoles, []any{"viewer", "team-*"}, []string{"viewer", "team-*"}},
		"roles in a text":                          {keyAllowedRoles, "viewer, team-*", "viewer, team-*"},
		"an id with a space":                       {keyClientID, "service-test ", "service-test "},
		"a file's line break":                      {keyAuthMethod, "client_secret_basic\n", "client_secret_basic"},
		"a text of a boolean, as a boolean":        {keyPersistTokens, "false", false},
		"a duration, in seconds":                   {keyRenewBefore, "20m", int64(1200)},
		"digits, in seconds":                       {keyRenewBefore, "1200", int64(1200)},
		"an empty value, as the default":           {keyAPIURL, "", defaultAPIURL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.mustWrite("config", e.app(fields{c.field: c.given, keyVerify: false}))
			require.Equal(t, c.shown, e.mustRead("config").Data[c.field])
			require.Equal(t, c.shown, e.node().mustRead("config").Data[c.field], "from storage")
			e.mustWrite("config", fields{keyRequestTimeout: 5, keyVerify: false})
			require.Equal(t, c.shown, e.mustRead("config").Data[c.field], "when something else is written")
		})
	}
}

func TestConfigIsUsedInItsCanonicalForm(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{
		keyClientID: " service-test", keyAuthority: e.ims.URL + "/", keyScopes: []any{"itwins:read", "imodels:read", "itwins:read"},
	}))
	sent := e.ims.Last()
	require.Equal(t, "service-test", sent.Get(keyClientID))
	require.Equal(t, "imodels:read itwins:read", sent.Get(keyScope))
	shown := e.mustRead("token").Data
	require.Equal(t, "service-test", shown[keyClientID])
	require.Equal(t, "imodels:read itwins:read", shown[keyScope])
}

func TestConfigAcceptsEveryFormOfAValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		field        string
		given, shown any
	}{
		"a number of seconds":   {keyRenewBefore, 90, int64(90)},
		"digits":                {keyRenewBefore, "90", int64(90)},
		"a duration of a file":  {keyRenewBefore, "90s\r\n", int64(90)},
		"a boolean of a file":   {keyPersistTokens, "false\n", false},
		"a method of a file":    {keyAuthMethod, "client_secret_basic\r\n", "client_secret_basic"},
		"a version of a file":   {keyTLSMinVersion, "tls13\n", outbound.TLS13},
		"an address of a file":  {keyAPIURL, "https://api.example\n", "https://api.example"},
		"an unset duration":     {keyRenewBefore, "", int64(1800)},
		"an unset boolean":      {keyPersistTokens, "", true},
		"an unset method":       {keyAuthMethod, "", "client_secret_post"},
		"an unset version":      {keyTLSMinVersion, "", outbound.TLS12},
		"an unset list":         {keyAllowedRoles, []any{}, "*"},
		"an unset text of them": {keyAllowedRoles, "", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.mustWrite("config", e.app(fields{c.field: c.given, keyVerify: false}))
			require.Equal(t, c.shown, e.mustRead("config").Data[c.field])
		})
	}
}

func TestConfigIsVerifiedIfVerifyIsUnset(t *testing.T) {
	t.Parallel()
	for _, unset := range []any{"", "\n", nil} {
		e := newEnv(t)
		e.ims.Refuse("invalid_client")
		e.mustFail(logical.UpdateOperation, "config", e.app(fields{keyVerify: unset}))
		require.Empty(t, e.storage.Entries(t, ""))
	}
}

func TestConfigWarnsAboutTheOlderAuthority(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	resp := e.mustWrite("config", e.app(fields{keyAuthority: "https://imsoidc.bentley.com", keyTokenURL: e.ims.URL}))
	require.Len(t, resp.Warnings, 1)
	require.Contains(t, resp.Warnings[0], ims.AuthorityWarning("https://imsoidc.bentley.com"))
	require.Contains(t, resp.Warnings[0], "`vault write itwin/config authority=… client_secret=…`")
}

func TestConfigWarnsAboutAQuotedSecret(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	resp := e.mustWrite("config", e.app(fields{keyClientSecret: `"` + canarySecret + `"`}))
	require.Equal(t, []string{"client_secret is in quotes, sent as part of the secret: unless they belong there," +
		" write the secret again without them."}, resp.Warnings)
}

func TestConfigInThePreviousFormatIsRead(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.storage.Plant(t, "config", `{"client_id":"service-test","client_secret_set_at":"2026-11-23T12:00:00Z","authority":"`+e.ims.URL+`",
		"token_url":"","api_url":"https://api.bentley.com","scopes":"itwins:read imodels:read","auth_method":"client_secret_post",
		"renew_before":1800000000000,"request_timeout":10000000000,"ca_cert":"","tls_min_version":"tls12","persist_tokens":true,
		"generation":"g","format":1,"client_secret":"s"}`)
	shown := e.mustRead("config").Data
	require.Equal(t, "*", shown[keyAllowedRoles])
	require.Equal(t, ims.TokenURL(e.ims.URL), shown[keyTokenURL])
	require.Equal(t, "itwins:read imodels:read", shown[keyScopes])
	require.Equal(t, "imodels:read itwins:read", e.mustRead("token").Data[keyScope])
}
