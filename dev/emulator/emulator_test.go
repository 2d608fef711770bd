package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	clientID     = "service-aBcDeFgHiJkLmNoPqRsTuVwXy"
	clientSecret = "c2VjcmV0+with/base64=="
	iTwinID      = "7a1b5c3d-0000-4000-8000-000000000001"
)

func testApp() emulator.App {
	return emulator.App{
		ClientID:     clientID,
		ClientSecret: clientSecret,
		Scopes:       []string{"itwin-platform", "itwins:read"},
		ITwins:       map[string][]string{iTwinID: {"imodels_read"}},
	}
}

// environment is an emulator with one app.
type environment struct {
	*emulator.Emulator

	t *testing.T
}

func newEnv(t *testing.T) *environment {
	t.Helper()
	ims, err := emulator.Start(emulator.Options{Apps: []emulator.App{testApp()}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ims.Close()) })
	return &environment{Emulator: ims, t: t}
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

// send sends a request with the given header, as key, value, …
func (e *environment) send(method, path, body string, header ...string) (answer, error) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, e.URL()+path, strings.NewReader(body))
	require.NoError(e.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}, err
}

func (e *environment) mustSend(method, path, body string, header ...string) answer {
	e.t.Helper()
	got, err := e.send(method, path, body, header...)
	require.NoError(e.t, err)
	return got
}

func grant() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret},
		"scope": {"itwin-platform"},
	}
}

func (e *environment) exchange(form url.Values) (answer, error) {
	e.t.Helper()
	return e.send(http.MethodPost, "/connect/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (e *environment) mustToken() string {
	e.t.Helper()
	got, err := e.exchange(grant())
	require.NoError(e.t, err)
	require.Equal(e.t, http.StatusOK, got.status, got.body)
	return got.fields(e.t)["access_token"].(string)
}
