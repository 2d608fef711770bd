package itwin

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigWarnsOfTheWrongKindOfApp(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"spa-", "native-", "webapp-"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			resp := e.mustWrite("config", e.app(fields{keyClientID: prefix + "test"}))
			require.Equal(t, []string{"client_id starts with " + prefix + ": that is not a service app." +
				" Tokens for services need an app of the type Service in My Apps."}, resp.Warnings)
		})
	}
}

func TestConfigWarnsOfTwoEnvironmentsInOne(t *testing.T) {
	t.Parallel()
	const (
		ims, qaIMS = "https://ims.bentley.com", "https://qa-ims.bentley.com"
		api, qaAPI = "https://api.bentley.com", "https://qa-api.bentley.com"
		command    = "run `vault write itwin/config/qa api_url="
	)
	ofQA := "authority is of QA and api_url of production, which refuses QA's tokens, so check fails: " +
		command + qaAPI + " client_secret=…`, or with authority=" + ims + " if the app is of production."
	ofProduction := "authority is of production and api_url of QA, which refuses production's tokens, so check fails: " +
		command + api + " client_secret=…`, or with authority=" + qaIMS + " if the app is of QA."
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

func TestConfigWarnsOfSpacesAroundTheSecretThatIsGiven(t *testing.T) {
	t.Parallel()
	for secret, warns := range map[string]bool{
		" " + canarySecret: true, canarySecret + " ": true, canarySecret + "\t\n": true, "\n" + canarySecret: true,
		canarySecret + "\r\n": false, canarySecret: false,
	} {
		e := newEnv(t)
		resp := e.mustWrite("config", e.app(fields{keyClientSecret: secret}))
		require.Equal(t, warns, resp != nil, "%q", secret)
		if warns {
			require.Equal(t, []string{spacesSent + "."}, resp.Warnings)
		}
		require.Nil(t, e.mustWrite("config", fields{keyScopes: "itwins:read"}), "it isn't given again")
	}
}

func TestConfigWarnsWhereHalfALifetimeIsLessThanRenewBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lifetime    int // seconds
		renewBefore string
		warning     string
	}{
		"an hour with more than half of it": {
			3600, "45m", "renew_before is 45m, but IMS's tokens live 1h: half of that, 30m, is used instead.",
		},
		"a short life with the default": {
			600, "30m", "renew_before is 30m, but IMS's tokens live 10m: half of that, 5m, is used instead.",
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
