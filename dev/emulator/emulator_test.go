package emulator_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	clientID     = "service-aBcDeFgHiJkLmNoPqRsTuVwXy"
	clientSecret = "c2VjcmV0+with/base64=="
	iTwinID      = "7a1b5c3d-0000-4000-8000-000000000001"
)

// environment is an emulator with one app, and a client of its own whose connections end with the test.
type environment struct {
	*emulator.Emulator

	t         *testing.T
	transport *http.Transport
	client    *http.Client
}

func testApp() emulator.App {
	return emulator.App{
		ClientID:     clientID,
		ClientSecret: clientSecret,
		Scopes:       []string{"itwin-platform", "itwins:read"},
		ITwins:       map[string][]string{iTwinID: {"imodels_read", "imodels_write"}},
	}
}

func newEnv(t *testing.T, change ...func(*emulator.Options)) *environment {
	t.Helper()
	options := emulator.Options{Apps: []emulator.App{testApp()}}
	for _, apply := range change {
		apply(&options)
	}
	ims, err := emulator.Start(options)
	require.NoError(t, err)
	transport := &http.Transport{}
	if options.TLS {
		pool := x509.NewCertPool()
		require.True(t, pool.AppendCertsFromPEM([]byte(ims.CACert())))
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		require.NoError(t, ims.Close())
	})
	return &environment{Emulator: ims, t: t, transport: transport, client: &http.Client{Transport: transport}}
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) fields(t *testing.T) map[string]any {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &fields), a.body)
	return fields
}

func (a answer) token(t *testing.T) string {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	token, ok := a.fields(t)["access_token"].(string)
	require.True(t, ok, "access_token must be a string")
	return token
}

// mustFail sends a request that gets no answer, and returns the reason.
func mustFail(t *testing.T, client *http.Client, r *http.Request) error {
	t.Helper()
	response, err := client.Do(r)
	if err == nil {
		require.NoError(t, response.Body.Close())
	}
	require.Error(t, err)
	return err
}

func (e *environment) do(r *http.Request) answer {
	e.t.Helper()
	response, err := e.client.Do(r)
	require.NoError(e.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(e.t, err)
	require.NoError(e.t, response.Body.Close())
	return answer{status: response.StatusCode, header: response.Header, body: string(body)}
}

func (e *environment) request(method, path, body string) *http.Request {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, e.URL()+path, strings.NewReader(body))
	require.NoError(e.t, err)
	return r
}

func (e *environment) tokenRequest(form url.Values) *http.Request {
	r := e.request(http.MethodPost, "/connect/token", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (e *environment) exchange() answer { return e.do(e.tokenRequest(grant())) }

func grant() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret},
		"scope": {"itwin-platform"},
	}
}

func (e *environment) mustToken() string {
	e.t.Helper()
	return e.exchange().token(e.t)
}

func TestSecretsOfEveryAlphabetWorkInBothStyles(t *testing.T) {
	t.Parallel()
	styles := map[oauth2.AuthStyle]string{
		oauth2.AuthStyleInParams: "client_secret_post",
		oauth2.AuthStyleInHeader: "client_secret_basic",
	}
	for _, secret := range []string{clientSecret, "+/=:&%", "100%25", "with spaces ", "pässwörd-密码", ":"} {
		for style, method := range styles {
			t.Run(method+" with "+secret, func(t *testing.T) {
				t.Parallel()
				env := newEnv(t)
				app := testApp()
				app.ClientID, app.ClientSecret = "service:+/%", secret
				env.SetApp(app)
				config := clientcredentials.Config{
					ClientID: app.ClientID, ClientSecret: secret, TokenURL: env.URL() + "/connect/token",
					Scopes: []string{"itwin-platform"}, AuthStyle: style,
				}
				token, err := config.Token(t.Context())
				require.NoError(t, err)
				require.Equal(t, "Bearer", token.TokenType)
				require.Equal(t, method, env.Issued()[0].AuthMethod)
			})
		}
	}
}

func TestTLSIsServedUnderTheEmulatorsOwnAuthority(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(o *emulator.Options) { o.TLS = true })
	require.True(t, strings.HasPrefix(env.URL(), "https://"))
	env.mustToken()

	err := mustFail(t, &http.Client{Transport: &http.Transport{}}, env.tokenRequest(grant()))
	var unknown *tls.CertificateVerificationError
	require.ErrorAs(t, err, &unknown)
}

func TestAppsComeAndGo(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.RemoveApp(clientID)
	require.Equal(t, http.StatusUnauthorized, env.exchange().status)
	env.SetApp(testApp())
	require.Equal(t, http.StatusOK, env.exchange().status)
}

func TestFiveHundredSimultaneousRequestsAreAllCountedAndIssued(t *testing.T) {
	t.Parallel()
	const requests = 500
	env := newEnv(t)
	env.transport.MaxConnsPerHost = 8
	statuses := make([]int, requests)
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() {
			response, err := env.client.Do(env.tokenRequest(grant()))
			if err == nil {
				statuses[i] = response.StatusCode
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	}
	all.Wait()
	for _, status := range statuses {
		require.Equal(t, http.StatusOK, status)
	}
	require.Equal(t, requests, env.Exchanges())
	ids := make(map[string]bool)
	for _, token := range env.Issued() {
		ids[token.ID] = true
	}
	require.Len(t, ids, requests)
}

func TestExchangesAreTimedByTheClockHandedIn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	env := newEnv(t, func(o *emulator.Options) { o.Now = func() time.Time { return now } })
	env.mustToken()
	require.Equal(t, []time.Time{now}, env.ExchangeTimes())
	require.Equal(t, now, env.Issued()[0].IssuedAt)
}

func TestLastRequestKeepsHeadersButNotAuthorization(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	require.Nil(t, env.LastRequest())
	r := env.tokenRequest(url.Values{"grant_type": {"client_credentials"}})
	r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))
	r.Header.Set("User-Agent", "some-plugin/1.0")
	r.Header.Set("X-Correlation-Id", "abc")
	require.Equal(t, http.StatusOK, env.do(r).status)
	last := env.LastRequest()
	require.Equal(t, "some-plugin/1.0", last.Get("User-Agent"))
	require.Equal(t, "abc", last.Get("X-Correlation-Id"))
	require.NotContains(t, last, "Authorization")
}
