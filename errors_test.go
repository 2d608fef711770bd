package itwin

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/nettest"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// failing is what a pool says of an error that has lasted for a minute.
func failing(err error) error {
	return &tokens.Failure{Err: err, Since: noon(), NextAttempt: noon().Add(time.Minute + time.Millisecond), Attempts: 7}
}

const (
	failingText  = "; failing since 2026-11-23T12:00:00Z, next attempt at 2026-11-23T12:01:01Z"
	canceledText = "the request was canceled or timed out before it finished; try again"
)

func TestAnswerGivesEachErrorItsStatus(t *testing.T) {
	t.Parallel()
	limited := &ims.Error{Kind: ims.RateLimited, Status: http.StatusTooManyRequests, CorrelationID: "c-1"}
	slow := &ims.Error{Kind: ims.TimedOut, Stage: outbound.StageWait, Limit: 10 * time.Second, CorrelationID: "c-1"}
	lost := &ims.Error{Kind: ims.Unreachable, Stage: outbound.StageDNS, Detail: "no such host", CorrelationID: "c-1"}
	senseless := &ims.Error{Kind: ims.Malformed, Stage: outbound.StageDecode, Detail: "no JSON", CorrelationID: "c-1"}
	refused := &ims.Error{
		Kind: ims.Refused, Status: http.StatusBadRequest, Code: "invalid_scope", Description: "not for readers", CorrelationID: "c-1",
	}
	keyless := &ims.KeysError{URL: "https://ims.example/keys", Cause: slow, Next: noon().Add(time.Millisecond)}
	hinted := func(e *ims.Error) string { return ". " + strings.TrimSuffix(imsHint(e), ".") }
	cases := map[string]struct {
		err    error
		status int
		text   string
	}{
		"an operator's mistake": {errField(keyScopes, "is odd"), http.StatusBadRequest, "scopes is odd"},
		"too long a life": {
			&tokens.MinLifeError{Asked: 2 * time.Hour, Max: 54 * time.Minute, Lifetime: time.Hour}, http.StatusBadRequest,
			"min_ttl=2h is too long: IMS issues tokens for 1h, and min_ttl can be at most 54m (90 % of that)",
		},
		"a rate limit": {failing(limited), http.StatusTooManyRequests, limited.Error() + failingText + hinted(limited)},
		"no answer": {
			failing(slow), http.StatusGatewayTimeout,
			slow.Error() + failingText + hinted(slow),
		},
		"nobody there":      {failing(lost), http.StatusBadGateway, lost.Error() + failingText + hinted(lost)},
		"a senseless token": {failing(senseless), http.StatusBadGateway, senseless.Error() + failingText + hinted(senseless)},
		"a refusal":         {failing(refused), http.StatusBadRequest, refused.Error() + failingText + hinted(refused)},
		"no keys": {
			keyless, http.StatusGatewayTimeout, keyless.Error() +
				"; no token can be verified without them; next attempt at 2026-11-23T12:00:01Z" + hinted(slow),
		},
		"a token too late": {
			failing(tokens.ErrLateArrival), http.StatusBadGateway, "the token had expired before it arrived" + failingText,
		},
		"a secret replaced": {tokens.ErrSuperseded, http.StatusBadGateway, "the app's credentials are being replaced; try again"},
		"a reader gone":     {context.Canceled, http.StatusGatewayTimeout, canceledText},
		"a reader's limit":  {context.DeadlineExceeded, http.StatusGatewayTimeout, canceledText},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{c.err, fmt.Errorf("verifying: %w", c.err)} {
				resp, got := answer(err)
				if c.status == http.StatusBadRequest {
					require.NoError(t, got)
					require.Equal(t, logical.ErrorResponse("%s", c.text), resp)
					continue
				}
				require.Nil(t, resp)
				require.Equal(t, logical.CodedError(c.status, c.text), got, "bare")
			}
		})
	}
}

func TestAnswerLeavesVaultsOwnErrorsAlone(t *testing.T) {
	t.Parallel()
	resp, err := answer(fmt.Errorf("writing config: %w", logical.ErrReadOnly))
	require.Nil(t, resp)
	require.Equal(t, logical.ErrReadOnly, err, "bare, so that Vault forwards the request")

	broken := errors.New("storage is broken")
	resp, err = answer(broken)
	require.Nil(t, resp)
	require.Equal(t, broken, err)
}

// TestHostileIMSDoesNoHarm runs by itself: it counts the goroutines of the whole process. Its memory is weighed by the soak.
func TestHostileIMSDoesNoHarm(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	t.Run("when", func(t *testing.T) {
		for _, theme := range []map[string]hostility{
			hostileStatuses(), hostileAnswers(), hostileWires(), hostileServers(), hostileRefusals(), hostileWaits(),
		} {
			for name, h := range theme {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					h.run(t)
				})
			}
		}
	})
	const (
		asking  = 1 // Eventually's own goroutine
		patient = 10 * time.Second
	)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+asking }, patient, 50*time.Millisecond,
		"goroutines were left behind")
}

func hostileStatuses() map[string]hostility {
	foreign := func(at func(*testing.T) endpoint) hostility {
		return hostility{endpoint: at, kind: ims.Foreign, stage: outbound.StageStatus}
	}
	page := func(status int) func(*testing.T) endpoint {
		return answering(saying(status, "<html>canary page</html>"))
	}
	return map[string]hostility{
		"it redirects to another host": foreign(redirectingAway(http.StatusTemporaryRedirect)),
		"it answers 201":               foreign(page(http.StatusCreated)),
		"it answers 403 with a page":   foreign(page(http.StatusForbidden)),
		"it answers 504 itself":        {endpoint: page(http.StatusGatewayTimeout), kind: ims.Unavailable, stage: outbound.StageStatus},
		"it answers 999":               {endpoint: page(999), kind: ims.Unavailable, stage: outbound.StageStatus},
		"it switches protocols": foreign(
			wired(stalling("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: canary\r\n\r\n"))),
		"a refusal's body is 2 MiB": foreign(
			answering(refusal(http.StatusBadRequest, "invalid_client", strings.Repeat("canary", 2<<20/6)))),
		"it echoes the secret in its headers": foreign(
			answering(headed(map[string]string{"X": canarySecret, "Location": canarySecret}, saying(http.StatusFound, canarySecret)))),
	}
}

func hostileAnswers() map[string]hostility {
	malformed := func(at func(*testing.T) endpoint, stage outbound.Stage) hostility {
		return hostility{endpoint: at, kind: ims.Malformed, stage: stage}
	}
	senseless := func(body string) hostility { return malformed(granting(body), outbound.StageDecode) }
	deep := strings.Repeat("[", 1_000_000)
	return map[string]hostility{
		"the body is HTML":                      senseless("<html>canary</html>"),
		"the body is nested a million deep":     senseless(deep),
		"a field is nested half a million deep": senseless(`{"canary":` + deep[:500_000] + "," + goodAnswer[1:]),
		"the token has a line break":            senseless(fielded(`"canary\r\nX-Injected: 1"`, "3600")),
		"the token is over 64 KiB":              senseless(fielded(`"`+strings.Repeat("canary", 11_000)+`"`, "3600")),
		"the token has no lifetime":             senseless(fielded(`"canary"`, "")),
		"the body is 2 MiB":                     malformed(granting(goodAnswer+strings.Repeat(" ", 2<<20)), outbound.StageRead),
		"the body is a compressed bomb":         malformed(bomb, outbound.StageRead),
		"the body comes a byte a second":        timingOut(answering(dripping), outbound.StageRead),
	}
}

// hostileWires are answers that no HTTP server gives.
func hostileWires() map[string]hostility {
	broken := func(handle func(net.Conn)) hostility {
		return hostility{endpoint: wired(handle), kind: ims.Unreachable, stage: outbound.StageRead}
	}
	damaged := func(handle func(net.Conn)) hostility {
		return hostility{endpoint: wired(handle), kind: ims.Malformed, stage: outbound.StageRead}
	}
	const (
		head    = "HTTP/1.1 200 OK\r\n"
		chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
	)
	return map[string]hostility{
		"headers never come":             timingOut(wired(nettest.Drain), outbound.StageWait),
		"headers never end":              timingOut(wired(stalling(head+"X-Canary: canary\r\n")), outbound.StageRead),
		"headers are endless":            broken(endless(head+"X-Canary: ", "canary")),
		"early hints are endless":        broken(endless("", "HTTP/1.1 103 Early Hints\r\nLink: canary\r\n\r\n")),
		"the lengths contradict":         broken(writing(head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\ncanary")),
		"it resets within the body":      broken(resetting(head + "Content-Length: 100\r\n\r\n{\"canary\"")),
		"the body is endless":            damaged(endless(head+"\r\n", strings.Repeat(" ", 1<<16))),
		"the body has no last chunk":     timingOut(wired(stalling(chunked+"5\r\n{\"can\r\n")), outbound.StageRead),
		"a chunk's length is no number":  broken(writing(chunked + "canary\r\n")),
		"a chunk's extension is endless": broken(endless(chunked+"5;", "canary")),
		"the trailer is endless":         broken(endless(chunked+"0\r\nX-Canary: ", "canary")),
	}
}

// hostileServers go wrong before there is an HTTP answer.
func hostileServers() map[string]hostility {
	at := func(url string) func(*testing.T) endpoint {
		return func(*testing.T) endpoint { return endpoint{tokenURL: url} }
	}
	unreachable := func(at func(*testing.T) endpoint, stage outbound.Stage) hostility {
		return hostility{endpoint: at, kind: ims.Unreachable, stage: stage}
	}
	client, demanding := valid(), valid()
	client.usage, demanding.demanding = x509.ExtKeyUsageClientAuth, true
	aborting := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	return map[string]hostility{
		"its certificate is a client's": unreachable(client.serving(http.NotFoundHandler()), outbound.StageTLS),
		"it demands a certificate":      unreachable(demanding.serving(http.NotFoundHandler()), outbound.StageTLS),
		"it resets an HTTP/2 stream":    unreachable(valid().serving(aborting), ""),
		"it stalls an HTTP/2 stream":    timingOut(valid().serving(http.HandlerFunc(dripping)), outbound.StageRead),
		// A label over 63 bytes resolves nowhere, whatever name server is asked.
		"its name doesn't resolve": unreachable(at("https://"+strings.Repeat("x", 64)+".invalid"), outbound.StageDNS),
		"its port refuses":         unreachable(at("http://127.0.0.1:1"), outbound.StageConnect),
		"it talks before it is asked": unreachable(func(t *testing.T) endpoint {
			t.Helper()
			return endpoint{tokenURL: "http://" + nettest.Listen(t, stalling("220 canary ESMTP\r\n"))}
		}, ""),
	}
}

func hostileRefusals() map[string]hostility {
	refusing := func(answer http.HandlerFunc) hostility {
		return hostility{endpoint: answering(answer), kind: ims.Refused, stage: outbound.StageStatus}
	}
	described := func(description string) hostility {
		return refusing(refusal(http.StatusBadRequest, "invalid_client", description))
	}
	return map[string]hostility{
		"its description moves the cursor": described("a\x1b[2J\x1b]0;title\x07b\u009b31mc\r\nd\u202ee\u2028f"),
		"its description is 100 KiB":       described(strings.Repeat("ü", 50<<10)),
		"it echoes the secret":             described(canarySecret + " and " + url.QueryEscape(canarySecret)),
		"it echoes the request":            refusing(echoing),
	}
}

// hostileWaits state when to come back; they are asked at noon and 31 minutes.
func hostileWaits() map[string]hostility {
	waiting := func(value string, answer http.HandlerFunc, kind ims.Kind, due string) hostility {
		headers := map[string]string{"Retry-After": value, "Date": "Mon, 23 Nov 2026 10:00:00 GMT"}
		return hostility{endpoint: answering(headed(headers, answer)), kind: kind, due: due}
	}
	limited := saying(http.StatusTooManyRequests, "canary")
	return map[string]hostility{
		"it limits the rate by a date":     waiting("Mon, 23 Nov 2026 10:03:00 GMT", limited, ims.RateLimited, "12:34:00Z"),
		"it limits the rate by a far date": waiting("Fri, 31 Dec 9999 23:59:59 GMT", limited, ims.RateLimited, "12:36:00Z"),
		"it limits the rate by a word":     waiting("canary", limited, ims.RateLimited, "12:31:01Z"),
		"it is busy and says how long":     waiting("60", saying(http.StatusServiceUnavailable, ""), ims.Unavailable, "12:32:00Z"),
		"it refuses and says how long": waiting("60", refusal(http.StatusUnauthorized, "invalid_client", ""),
			ims.Refused, "12:32:00Z"),
	}
}
