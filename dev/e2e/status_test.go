package e2e

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestStatusReadsWellOnTheCommandLine(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.configure(nil)
	want := e.mustToken("itwin/token")
	require.Equal(t, "fresh", e.server.CLI(t, e.root.Token(), "read", "-field=state", "itwin/status"))
	yaml := e.server.CLI(t, e.root.Token(), "read", "-format=yaml", "itwin/status")
	require.Contains(t, yaml, "\n      token_id: "+want.ID+"\n")
	require.NotContains(t, yaml, want.AccessToken)
}

func TestMetricsAreScrapedWithATokenOfVault(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	scraper := e.server.User(t, "scraper", `path "itwin/metrics" { capabilities = ["read"] }`)
	status, _, body := scrape(t, e.server.Addr, scraper.Token())
	require.Equal(t, http.StatusOK, status, "of a mount that has nothing to tell yet")
	require.Contains(t, body, "itwin_start_time_seconds")

	e.configure(nil)
	e.mustToken("itwin/token")
	status, contentType, body := scrape(t, e.server.Addr, scraper.Token())
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", contentType)
	require.Contains(t, body, `itwin_reads_total{app="config",outcome="fresh"} 1`+"\n")
	status, _, _ = scrape(t, e.server.Addr, "")
	require.Equal(t, http.StatusForbidden, status)
}

func scrape(t *testing.T, addr, token string) (status int, contentType, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, addr+"/v1/itwin/metrics", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("X-Vault-Token", token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header.Get("Content-Type"), string(text)
}
