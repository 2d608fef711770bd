package ims

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
)

const (
	appID     = "service-a+b/c=:&%"
	appSecret = "canary+/=:&% secret=="
	goodBody  = `{"access_token":"header.payload.signature","token_type":"Bearer","expires_in":3600}`
)

// noon is what the clients' clock shows.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func appOptions(tokenURL string) Options {
	return Options{
		Options:      outbound.Options{Timeout: 10 * time.Second, TLSMinVersion: outbound.TLS12, Now: noon},
		TokenURL:     tokenURL,
		ClientID:     appID,
		ClientSecret: secret.New(appSecret),
		AuthMethod:   AuthPost,
	}
}

// platformScope is what every test asks for.
func platformScope() scopes.Set { return scopes.Granted("itwin-platform") }

func mustClient(t *testing.T, o Options) *Client {
	t.Helper()
	client, err := NewClient(o)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func mustGrant(t *testing.T, o Options) Grant {
	t.Helper()
	grant, err := mustClient(t, o).Exchange(t.Context(), platformScope())
	require.NoError(t, err)
	return grant
}

func mustFail(t *testing.T, client *Client) *Error {
	t.Helper()
	return mustFailIn(t.Context(), t, client)
}

func mustFailIn(ctx context.Context, t *testing.T, client *Client) *Error {
	t.Helper()
	grant, err := client.Exchange(ctx, platformScope())
	require.Zero(t, grant)
	var failure *Error
	require.ErrorAs(t, err, &failure)
	require.Len(t, failure.CorrelationID, 36)
	require.Contains(t, err.Error(), failure.CorrelationID)
	require.NotContains(t, err.Error(), "canary")
	return failure
}

// listen gives every connection, by its number, to handle, and closes it after.
func listen(t *testing.T, handle func(number int, conn net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for number := 0; ; number++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				handle(number, conn)
			}()
		}
	}()
	return listener.Addr().String()
}
