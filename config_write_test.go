package itwin

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
)

func TestConfigPatchedWithANullVerifyIsVerified(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	before := e.storage.Entries(t, "config")
	e.ims.Refuse("invalid_client")
	status, text := e.mustFail(logical.PatchOperation, "config", fields{keyClientID: "service-other", keyVerify: nil})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "invalid_client")
	require.Equal(t, before, e.storage.Entries(t, "config"))
}

func TestConfigThatIMSDoesNotVerifyIsNotStored(t *testing.T) {
	t.Parallel()
	const (
		asBefore = "; nothing was stored, and the previous config remains in effect"
		offer    = "; set verify=false to store the config without verifying it"
	)
	cases := map[string]struct {
		fail   func(ims *fakeIMS)
		change fields
		status int
		at     string // the code, the status or the stage
		offer  string
	}{
		"refused": {
			func(ims *fakeIMS) { ims.Refuse("invalid_client") }, nil, http.StatusBadRequest, "invalid_client", "",
		},
		"broken": {
			func(ims *fakeIMS) { ims.Fail(http.StatusServiceUnavailable) }, nil, http.StatusBadGateway, "status 503", offer,
		},
		"answered by a page": {
			func(ims *fakeIMS) { ims.Fail(http.StatusForbidden) }, nil, http.StatusBadGateway, "status 403", "",
		},
		"unreachable": {
			func(*fakeIMS) {},
			fields{keyTokenURL: "http://127.0.0.1:1/token"},
			http.StatusBadGateway, "stage connect", offer,
		},
		"of an unknown name": {
			func(*fakeIMS) {},
			fields{keyTokenURL: "https://" + strings.Repeat("x", 64) + ".invalid"},
			http.StatusBadGateway, "stage DNS", offer,
		},
		"not TLS": {
			func(*fakeIMS) {}, fields{keyTokenURL: "https://HOST/token"}, http.StatusBadGateway, "stage TLS", "",
		},
		"slow": {
			func(ims *fakeIMS) { ims.Hold() },
			fields{keyRequestTimeout: 1},
			http.StatusGatewayTimeout, "within 1s", offer,
		},
		"limited": {
			func(ims *fakeIMS) { ims.Fail(http.StatusTooManyRequests) }, nil, http.StatusTooManyRequests, "status 429", offer,
		},
		"senseless": {
			func(ims *fakeIMS) { ims.Answer(saying(http.StatusOK, `{"access_token":"canary"}`)) }, nil,
			http.StatusBadGateway, "stage decoding", "",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			if at, moved := c.change[keyTokenURL].(string); moved {
				c.change[keyTokenURL] = strings.Replace(at, "HOST", strings.TrimPrefix(e.ims.URL, "http://"), 1)
			}
			before := e.storage.Entries(t, "")
			c.fail(e.ims)
			status, text := e.mustFail(logical.UpdateOperation, "config", e.app(c.change, fields{keyClientID: "service-other"}))
			require.Equal(t, c.status, status, text)
			require.Contains(t, text, c.at)
			require.True(t, strings.HasSuffix(text, asBefore+c.offer), text)
			require.Equal(t, before, e.storage.Entries(t, ""))
			require.Equal(t, canaryToken+"1", e.token())

			fresh := e.node()
			_, text = fresh.mustFail(logical.UpdateOperation, "config/new", e.app(fields{keyTokenURL: "http://127.0.0.1:1"}))
			require.True(t, strings.HasSuffix(text, "; nothing was stored"+offer), text)
			fresh.mustBeAbsent("config/new")
		})
	}
}

func TestRefusedConfigNamesOtherProblemsToo(t *testing.T) {
	t.Parallel()
	const (
		again = "write the secret again without it"
		space = "; client_secret begins or ends with a space, sent as part of the secret: unless it belongs"
	)
	const otherKind = ". client_id starts with spa-: only apps of type Service can use client credentials. "
	cases := map[string]struct {
		code    string
		change  fields
		text    string
		nothing string
	}{
		"an app for a browser that isn't known":   {"invalid_client", fields{keyClientID: "spa-test"}, otherKind + "Check client_id", again},
		"an app for a browser that isn't allowed": {"unauthorized_client", fields{keyClientID: "spa-test"}, otherKind + "Register", again},
		"a service app":                    {"invalid_client", nil, "; nothing was stored", "starts with"},
		"a secret with a space":            {"invalid_client", fields{keyClientSecret: " " + canarySecret}, space, "starts with"},
		"a service app with a wrong scope": {"invalid_scope", fields{keyClientID: "spa-test"}, "The scope isn't enabled", "starts with"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.ims.Refuse(c.code)
			status, text := e.mustFail(logical.UpdateOperation, "config", e.app(c.change))
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, text, c.text)
			require.NotContains(t, text, c.nothing)
		})
	}
}

func TestConfigWarnsAboutTheWrongTypeOfApp(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"spa-", "native-", "webapp-"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			resp := e.mustWrite("config", e.app(fields{keyClientID: prefix + "test"}))
			require.Equal(t, []string{"client_id starts with " + prefix + ", so it is not a service app:" +
				" register an app of type Service in My Apps."}, resp.Warnings)
		})
	}
}

func TestConfigWarnsAboutMixedEnvironments(t *testing.T) {
	t.Parallel()
	const (
		ims, qaIMS = "https://ims.bentley.com", "https://qa-ims.bentley.com"
		api, qaAPI = "https://api.bentley.com", "https://qa-api.bentley.com"
		command    = "run `vault write itwin/config/qa api_url="
	)
	ofQA := "authority is QA but api_url is production, which rejects QA tokens, so check will fail: " +
		command + qaAPI + " client_secret=…`, or with authority=" + ims + " if the app is in production."
	ofProduction := "authority is production but api_url is QA, which rejects production tokens, so check will fail: " +
		command + api + " client_secret=…`, or with authority=" + qaIMS + " if the app is in QA."
	for name, c := range map[string]struct {
		authority, apiURL string
		warnings          []string
	}{
		"QA's IMS with production's API":     {qaIMS, api, []string{ofQA}},
		"production's IMS with QA's API":     {ims, qaAPI, []string{ofProduction}},
		"production's IMS with the dev API":  {ims, "https://dev-api.bentley.com", []string{ofProduction}},
		"production's IMS at a port":         {ims + ":443", qaAPI, []string{ofProduction}},
		"all of production":                  {ims, api, nil},
		"all of QA":                          {qaIMS, qaAPI, nil},
		"the dev API, which has QA's IMS":    {qaIMS, "https://dev-api.bentley.com", nil},
		"a gateway of one's own before IMS":  {"https://gateway.example", qaAPI, nil},
		"a gateway of one's own for the API": {qaIMS, "https://gateway.example", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			given := fields{keyAuthority: c.authority, keyAPIURL: c.apiURL, keyTokenURL: e.ims.URL}
			resp := e.mustWrite("config/qa", e.app(given))
			if c.warnings == nil {
				require.Nil(t, resp)
				return
			}
			require.Equal(t, c.warnings, resp.Warnings)
		})
	}
}

func TestConfigWarnsAboutSpacesAroundANewSecret(t *testing.T) {
	t.Parallel()
	for secret, warns := range map[string]bool{
		" " + canarySecret: true, canarySecret + " \n": true,
		canarySecret + "\r\n": false, canarySecret: false,
	} {
		e := newEnv(t)
		resp := e.mustWrite("config", e.app(fields{keyClientSecret: secret}))
		require.Equal(t, warns, resp != nil, "%q", secret)
		if warns {
			require.Equal(t, []string{"client_secret begins or ends with a space, sent as part of the secret: unless it belongs there," +
				" write the secret again without it."}, resp.Warnings)
		}
		require.Nil(t, e.mustWrite("config", fields{keyScopes: "itwins:read"}), "it isn't given again")
	}
}

func TestConfigWarnsIfRenewBeforeExceedsHalfALifetime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lifetime    int // seconds
		renewBefore string
		warning     string
	}{
		"an hour with more than half of it": {
			3600, "45m", "renew_before is 45m, but IMS issues tokens for 1h: half of that, 30m, is used instead.",
		},
		"a short life with the default": {
			600, "30m", "renew_before is 30m, but IMS issues tokens for 10m: half of that, 5m, is used instead.",
		},
		"an hour with half of it":               {3600, "30m", ""},
		"an hour less a second with half of it": {3599, "30m", ""},
		"an hour with less than half of it":     {3600, "10m", ""},
		"a day with half of it":                 {86400, "12h", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.ims.Answer(saying(http.StatusOK, fielded(`"`+canaryToken+`1"`, strconv.Itoa(c.lifetime))))
			resp := e.mustWrite("config", e.app(fields{keyRenewBefore: c.renewBefore}))
			if c.warning == "" {
				require.Nil(t, resp)
				return
			}
			require.Equal(t, []string{c.warning}, resp.Warnings)
		})
	}
}

func TestConfigWriteOfTheSameGenerationKeepsTheSharedToken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]fields{
		"the same config again": {},
		"another renew_before":  {keyRenewBefore: "25m"},
		"another auth_method":   {keyAuthMethod: "client_secret_basic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			before := e.mustRead("token").Data
			stored := e.storage.Entries(t, tokenPrefix)
			for range 3 {
				e.clock.advance(time.Second)
				e.mustWrite("config", e.app(change))
			}
			require.Equal(t, 4, e.ims.Exchanges(), "each write was verified")
			require.Equal(t, before[keyLastVaultRotation], e.mustRead("token").Data[keyLastVaultRotation])
			require.Equal(t, stored, e.storage.Entries(t, tokenPrefix))
			restarted := e.node()
			restarted.mustWrite("config", e.app(change))
			require.Equal(t, canaryToken+"1", restarted.token(), "nor after a restart")
		})
	}
}

func TestConfigMayOnlyNameAllowedHosts(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config/elsewhere", e.app(fields{keyAPIURL: "https://api.example.com", keyVerify: false}))
	var err error
	e.allowedHosts, err = outbound.ParseAllowedHosts("*.bentley.com, 127.0.0.1")
	require.NoError(t, err)
	for field, address := range map[string]string{
		keyAuthority: "https://ims.example.com", keyTokenURL: "https://ims.example.com/token", keyAPIURL: "https://bentley.com",
	} {
		status, text := e.mustFail(logical.UpdateOperation, "config", e.app(fields{field: address, keyVerify: false}))
		require.Equal(t, http.StatusBadRequest, status)
		require.Regexp(t, `^`+field+` is refused: the host (ims\.example\.com|bentley\.com) .*ITWIN_ALLOWED_HOSTS.*administrator`, text)
	}
	e.mustWrite("config", e.app(fields{keyAPIURL: "https://qa-api.bentley.com", keyVerify: false}))

	e.InvalidateKey(t.Context(), "config/elsewhere")
	e.mustWrite("role/elsewhere", fields{keyApp: "elsewhere"})
	status, text := e.mustFailRead("token/elsewhere")
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "api_url is refused: the host api.example.com", "it binds configs that are stored already")
}

func TestInvalidAllowedHostsStopRequestsButNotThePlugin(t *testing.T) {
	e := newConfiguredEnv(t)
	t.Setenv(allowedHostsVariable, "bentley.com/ims")
	n := e.node()
	for _, path := range []string{"config", "token"} {
		_, text := n.mustFail(logical.UpdateOperation, path, nil)
		require.Contains(t, text, "the variable ITWIN_ALLOWED_HOSTS that the plugin was registered with must be host names")
	}
	n.mustRead("config")
	n.mustDelete("config")
}
