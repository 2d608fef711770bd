package e2e

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// rawRead returns a whole answer as JSON, each value as it was sent.
func (e *env) rawRead(path string) (body, data map[string]json.RawMessage) {
	e.t.Helper()
	resp, err := e.root.Logical().ReadRaw(path)
	require.NoError(e.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(e.t, err)
	require.NoError(e.t, json.Unmarshal(text, &body))
	require.NoError(e.t, json.Unmarshal(body["data"], &data))
	return body, data
}

func TestTokenAnswerHasExactlyTheKeysAndTypesThatReadersTimeBy(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	body, data := e.rawRead("itwin/token")
	require.JSONEq(t, `""`, string(body["lease_id"]))
	require.JSONEq(t, `0`, string(body["lease_duration"]))
	require.JSONEq(t, `false`, string(body["renewable"]))
	require.JSONEq(t, `null`, string(body["warnings"]))

	var issued struct {
		token

		Type    string    `json:"token_type"`
		Scope   string    `json:"scope"`
		Client  string    `json:"client_id"`
		Expires time.Time `json:"expires_at"`
		Period  int64     `json:"rotation_period"`
	}
	whole, err := json.Marshal(data)
	require.NoError(t, err)
	decoder := json.NewDecoder(strings.NewReader(string(whole)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&issued), "an unknown key, a float or a string in a number's place")
	require.Len(t, data, 10)

	require.Equal(t, e.ims.Issued()[0].SHA256, issued.ID)
	require.Equal(t, []string{"Bearer", "itwin-platform", clientID}, []string{issued.Type, issued.Scope, issued.Client})
	require.Equal(t, issued.Expires.Unix(), issued.ExpiresAtUnix)
	require.InDelta(t, time.Hour, issued.left(time.Now()), float64(10*time.Second))
	require.Equal(t, int64(1800), issued.Period)
	require.InDelta(t, 1830, issued.TTL, 40, "half an hour, and up to a minute so that readers don't come back together")
	rotated, err := time.Parse(time.RFC3339, issued.Rotated)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), rotated, 10*time.Second)
}

func TestTwoAnswersOfOneTokenDifferInTTLAlone(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	firstBody, firstData := e.rawRead("itwin/token")
	time.Sleep(1100 * time.Millisecond)
	secondBody, secondData := e.rawRead("itwin/token")
	for _, part := range []map[string]json.RawMessage{firstBody, secondBody} {
		delete(part, "request_id")
		delete(part, "data")
	}
	require.Equal(t, firstBody, secondBody)
	for _, data := range []map[string]json.RawMessage{firstData, secondData} {
		require.Contains(t, data, "ttl")
		delete(data, "ttl")
	}
	require.Equal(t, firstData, secondData)
}

func TestTokenReadsLeaveNoLease(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	e.configure(nil)
	for range 1000 {
		e.mustToken("itwin/token")
	}
	e.server.User(t, "leaseholder", `path "itwin/token" { capabilities = ["read"] }`)
	leases := e.mustList("sys/raw/sys/expire/id")
	require.Contains(t, leases, "auth/", "the lease of a Vault token shows that this is where leases are")
	require.NotContains(t, leases, mount+"/")
	looked, err := e.root.Logical().List("sys/leases/lookup/itwin")
	require.NoError(t, err)
	require.Nil(t, looked)
	require.Equal(t, 1, e.ims.Exchanges())
}

func TestTokenCanBeWrapped(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	want := e.mustToken("itwin/token")
	wrapping := e.server.Root(t)
	wrapping.SetWrappingLookupFunc(func(string, string) string { return "60s" })
	wrapped, err := wrapping.Logical().Read("itwin/token")
	require.NoError(t, err)
	require.NotNil(t, wrapped.WrapInfo)
	require.Empty(t, wrapped.Data)
	plain, err := e.root.Logical().Unwrap(wrapped.WrapInfo.Token)
	require.NoError(t, err)
	require.Equal(t, want.AccessToken, plain.Data["access_token"])
}

func TestCommandLineReadsTheTokenAlone(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	want := e.mustToken("itwin/token").AccessToken
	require.Equal(t, want, e.server.CLI(t, e.root.Token(), "read", "-field=access_token", "itwin/token"))
}
