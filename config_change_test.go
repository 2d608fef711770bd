package itwin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestConfigIsProvedWhereVerifyIsNull(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	before := e.storage.Entries(t, "config")
	e.ims.Refuse("invalid_client")
	status, text := e.mustFail(logical.PatchOperation, "config", fields{keyClientID: "service-other", keyVerify: nil})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "invalid_client")
	require.Equal(t, before, e.storage.Entries(t, "config"))
}

func TestConfigThatIMSDoesNotProveIsNotStored(t *testing.T) {
	t.Parallel()
	const (
		asBefore = "; nothing was stored, and the previous config stays in force"
		offer    = "; verify=false would store the config without verifying it"
		mayReach = ". Check that the Vault server can reach IMS"
	)
	cases := map[string]struct {
		fail   func(ims *fakeIMS)
		change fields
		status int
		texts  []string // HOST is that of IMS
		offer  string
	}{
		"refused": {
			func(ims *fakeIMS) { ims.Refuse("invalid_client") }, nil, http.StatusBadRequest,
			[]string{"IMS refuses the exchange with status 400: invalid_client", ". Check client_id and client_secret"},
			"",
		},
		"broken": {
			func(ims *fakeIMS) { ims.Fail(http.StatusServiceUnavailable) }, nil, http.StatusBadGateway,
			[]string{"IMS at HOST answers with status 503, stage HTTP status: it fails", ". Wait, and check status.bentley.com."},
			offer,
		},
		"answered by a page": {
			func(ims *fakeIMS) { ims.Fail(http.StatusForbidden) }, nil, http.StatusBadGateway,
			[]string{"IMS at HOST answers with status 403", ". Check that authority and token_url belong to IMS"},
			"",
		},
		"unreachable": {
			func(*fakeIMS) {},
			fields{keyTokenURL: "http://127.0.0.1:1/token"},
			http.StatusBadGateway,
			[]string{"IMS at 127.0.0.1:1 can't be reached, stage connect: the connection was refused", mayReach},
			offer,
		},
		"of an unknown name": {
			func(*fakeIMS) {},
			fields{keyTokenURL: "https://" + strings.Repeat("x", 64) + ".invalid"},
			http.StatusBadGateway,
			[]string{"x.invalid can't be reached, stage DNS: the host name doesn't resolve", ". Check the host name in authority or token_url"},
			offer,
		},
		"not TLS": {
			func(*fakeIMS) {},
			fields{keyTokenURL: "https://HOST/token"},
			http.StatusBadGateway,
			[]string{"IMS at HOST can't be reached, stage TLS: the server doesn't speak TLS on this port", ". Check ca_cert and tls_min_version"},
			"",
		},
		"slow": {
			func(ims *fakeIMS) { ims.Hold() },
			fields{keyRequestTimeout: 1},
			http.StatusGatewayTimeout,
			[]string{"IMS at HOST gave no answer within 1s", mayReach, ". If IMS is only slow, raise request_timeout;"},
			offer,
		},
		"limited": {
			func(ims *fakeIMS) { ims.Fail(http.StatusTooManyRequests) }, nil, http.StatusTooManyRequests,
			[]string{"IMS limits the rate of exchanges", ". Wait, and check whether something else"},
			offer,
		},
		"senseless": {
			func(ims *fakeIMS) { ims.Answer(saying(http.StatusOK, `{"access_token":"canary"}`)) }, nil, http.StatusBadGateway,
			[]string{"the answer of IMS at HOST is no token, stage decoding", ". Check that authority and token_url belong to IMS"},
			"",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			host := strings.TrimPrefix(e.ims.URL, "http://")
			if at, moved := c.change[keyTokenURL].(string); moved {
				c.change[keyTokenURL] = strings.Replace(at, "HOST", host, 1)
			}
			before := e.storage.Entries(t, "")
			c.fail(e.ims)
			status, text := e.mustFail(logical.UpdateOperation, "config", e.app(c.change, fields{keyClientID: "service-other"}))
			require.Equal(t, c.status, status, text)
			for _, part := range c.texts {
				require.Contains(t, text, strings.Replace(part, "HOST", host, 1))
			}
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

func TestRefusedConfigSaysWhatElseIsWrongWithIt(t *testing.T) {
	t.Parallel()
	const otherKind = ". client_id starts with spa-: only apps of the type Service can use client credentials. "
	cases := map[string]struct {
		code    string
		change  fields
		text    string
		nothing string
	}{
		"an app for a browser that isn't known":   {"invalid_client", fields{keyClientID: "spa-test"}, otherKind + "Check client_id", spacesSent},
		"an app for a browser that isn't allowed": {"unauthorized_client", fields{keyClientID: "spa-test"}, otherKind + "The app", spacesSent},
		"a service app":                    {"invalid_client", nil, "; nothing was stored", "starts with"},
		"a secret with a space":            {"invalid_client", fields{keyClientSecret: " " + canarySecret}, "; " + spacesSent, "starts with"},
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

func TestVerifyingTakesOneOfTheAppsChecks(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for range maxChecks {
		_, ok := e.checks.TryAcquire("")
		require.True(t, ok)
	}
	before := e.ims.Exchanges()
	status, text := e.mustFail(logical.UpdateOperation, "config", fields{keyRenewBefore: "10m"})
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Contains(t, text, "; nothing was stored")
	require.Equal(t, before, e.ims.Exchanges())
	e.mustWrite("config/qa", e.app())
}

func TestWishForTooMuchLifeIsNoFailedRead(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustFail(logical.ReadOperation, "token", fields{keyMinTTL: 59 * int(time.Minute/time.Second)})
	require.Zero(t, e.tallies.total("", "").failed)
}

func TestDamagedConfigIsAMistakeToMendNotAFailure(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.storage.Plant(t, "config", "{")
	status, text := e.mustFail(logical.ReadOperation, "token", nil)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "write it again in full")
}
