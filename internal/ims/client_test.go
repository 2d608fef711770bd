package ims

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

func TestBothMethodsDeliverTheCredentialsWhole(t *testing.T) {
	t.Parallel()
	for _, method := range []AuthMethod{AuthPost, AuthBasic} {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			var form url.Values
			var user, password string
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				form = r.PostForm
				user, password, _ = r.BasicAuth()
				_, _ = io.WriteString(w, goodBody)
			})
			o := appOptions(server.URL)
			o.AuthMethod = method
			mustGrant(t, o)

			require.Equal(t, "client_credentials", form.Get("grant_type"))
			require.Equal(t, "itwin-platform", form.Get("scope"))
			if method == AuthPost {
				require.Equal(t, []string{appID, appSecret}, []string{form.Get("client_id"), form.Get("client_secret")})
				require.Empty(t, user+password)
				return
			}
			user, _ = url.QueryUnescape(user)
			password, _ = url.QueryUnescape(password)
			require.Equal(t, []string{appID, appSecret}, []string{user, password})
			require.NotContains(t, form, "client_secret")
		})
	}
}

func TestAGrantHoldsWhatWasGranted(t *testing.T) {
	t.Parallel()
	var header http.Header
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, goodBody)
	})
	ticks := []time.Time{noon(), noon().Add(time.Second), noon().Add(3 * time.Second)}
	var calls atomic.Int32
	o := appOptions(server.URL)
	o.UserAgent = "engine/1.0"
	o.Now = func() time.Time { return ticks[calls.Add(1)-1] }

	grant := mustGrant(t, o)
	require.Equal(t, "header.payload.signature", grant.AccessToken.Reveal())
	require.Equal(t, "Bearer", grant.TokenType)
	require.Equal(t, noon(), grant.RequestedAt)
	require.Equal(t, time.Hour, grant.Lifetime)
	require.Contains(t, []time.Duration{time.Second, 3 * time.Second}, grant.Took)
	require.Len(t, grant.CorrelationID, 36)
	require.Equal(t, grant.CorrelationID, header.Get("X-Correlation-Id"))
	require.Equal(t, "application/json", header.Get("Accept"))
	require.Equal(t, "engine/1.0", header.Get("User-Agent"))
	require.NotContains(t, header, "Idempotency-Key")
	require.Equal(t, "identity", header.Get("Accept-Encoding"))
}

func TestEveryExchangeHasItsOwnCorrelationID(t *testing.T) {
	t.Parallel()
	client := mustClient(t, appOptions(serve(t, answering(http.StatusBadGateway, "")).URL))
	first, second := mustFail(t, client), mustFail(t, client)
	require.NotEqual(t, first.CorrelationID, second.CorrelationID)
}

func TestSequentialExchangesShareOneConnectionUntilClose(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	closed := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(answering(http.StatusOK, goodBody))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened.Add(1)
		case http.StateClosed:
			closed <- struct{}{}
		default:
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := mustClient(t, appOptions(server.URL))
	for range 50 {
		_, err := client.Exchange(t.Context(), platformScope())
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, opened.Load())
	client.Close()
	<-closed
}

func TestAConnectionClosedWhileIdleDoesNotFailTheExchange(t *testing.T) {
	t.Parallel()
	address := listen(t, func(number int, conn net.Conn) {
		requests := bufio.NewReader(conn)
		for served := 0; ; served++ {
			request, err := http.ReadRequest(requests)
			if err != nil || (number == 0 && served == 1) {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(goodBody), goodBody)
		}
	})
	client := mustClient(t, appOptions("http://"+address))
	for range 2 {
		_, err := client.Exchange(t.Context(), platformScope())
		require.NoError(t, err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var elsewhere atomic.Int32
		target := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, status)
		})
		failure := mustFail(t, mustClient(t, appOptions(server.URL)))
		require.Equal(t, Foreign, failure.Kind)
		require.Equal(t, outbound.StageStatus, failure.Stage)
		require.Equal(t, status, failure.Status)
		require.Contains(t, failure.Error(), "redirects are not followed")
		require.Zero(t, elsewhere.Load())
	}
}

func TestARedirectToTheSameURLIsNotFollowed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	})
	require.Equal(t, Foreign, mustFail(t, mustClient(t, appOptions(server.URL))).Kind)
	require.EqualValues(t, 1, asked.Load())
}

func TestNewClientRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*Options){
		"a token URL that isn't https": func(o *Options) { o.TokenURL = "http://ims.bentley.com" },
		"no client id":                 func(o *Options) { o.ClientID = "" },
		"no client secret":             func(o *Options) { o.ClientSecret = secret.Text{} },
		"an unknown auth method":       func(o *Options) { o.AuthMethod = "private_key_jwt" },
		"no request timeout":           func(o *Options) { o.Timeout = 0 },
		"an unknown TLS version":       func(o *Options) { o.TLSMinVersion = "tls11" },
		"a host that isn't allowed": func(o *Options) {
			o.AllowedHosts, _ = outbound.ParseAllowedHosts("*.example.com")
		},
		"CA certificates that can't be read": func(o *Options) { o.CACert = "canary" },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := appOptions("https://ims.bentley.com/connect/token")
			spoil(&o)
			client, err := NewClient(o)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "canary")
			require.Nil(t, client)
		})
	}
}

func TestAnEchoedSecretNeverShows(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 302, 400, 401, 429, 502} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			echo := r.PostForm.Get("client_secret")
			w.Header().Set("Location", "https://"+echo)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":%q}`, strings.Repeat(echo, 50))
		})
		failure := mustFail(t, mustClient(t, appOptions(server.URL)))
		require.NotContains(t, fmt.Sprintf("%+v %#v", failure, *failure), "canary")
	}
}

func TestASecretInTheErrorCodeIsNoRefusal(t *testing.T) {
	t.Parallel()
	o := appOptions("")
	o.ClientSecret = secret.New("canary_secret_in_lower_case")
	o.TokenURL = serve(t, answering(http.StatusBadRequest, `{"error":"not_canary_secret"}`)).URL
	require.Equal(t, Foreign, mustFail(t, mustClient(t, o)).Kind)
}
