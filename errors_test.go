package itwin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// failing is what a pool says of an error that has lasted for a minute.
func failing(err error) error {
	return &tokens.Failure{Err: err, Since: noon(), NextAttempt: noon().Add(time.Minute + time.Millisecond), Attempts: 7}
}

const failingText = "; failing since 2026-11-23T12:00:00Z, next attempt at 2026-11-23T12:01:01Z"

func TestAnswerGivesEachErrorItsStatus(t *testing.T) {
	t.Parallel()
	limited := &ims.Error{Kind: ims.RateLimited, Status: http.StatusTooManyRequests, CorrelationID: "c-1"}
	slow := &ims.Error{Kind: ims.TimedOut, Stage: outbound.StageWait, Limit: 10 * time.Second, CorrelationID: "c-1"}
	lost := &ims.Error{Kind: ims.Unreachable, Stage: outbound.StageDNS, Detail: "no such host", CorrelationID: "c-1"}
	senseless := &ims.Error{Kind: ims.Malformed, Stage: outbound.StageDecode, Detail: "no JSON", CorrelationID: "c-1"}
	refused := &ims.Error{Kind: ims.Refused, Status: http.StatusBadRequest, Code: "invalid_scope", CorrelationID: "c-1"}
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
			"min_ttl=2h is too long: IMS issues tokens for 1h, and a read can ask for at most 54m (90 %) of that",
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
				"; without them no token can be verified; next attempt at 2026-11-23T12:00:01Z" + hinted(slow),
		},
		"a token too late": {
			failing(tokens.ErrLateArrival), http.StatusBadGateway, "the token had expired before it arrived" + failingText,
		},
		"a secret replaced": {tokens.ErrSuperseded, http.StatusBadGateway, "the app's credentials are being replaced; try again"},
		"a reader gone":     {context.Canceled, http.StatusGatewayTimeout, "the request ended before there was an answer; try again"},
		"a reader's limit":  {context.DeadlineExceeded, http.StatusGatewayTimeout, "the request ended before there was an answer; try again"},
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

func TestAnswerTellsWhatToDoAboutARefusal(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"invalid_client": "status.bentley.com",
		"invalid_scope":  "add it to the app in My Apps, or change scopes in the config or role",

		"unauthorized_client":    "register an app of the type Service",
		"unsupported_grant_type": "register an app of the type Service",
		"access_denied":          "Check the app in My Apps, and its config",
	}
	for code, hint := range cases {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.ims.Refuse(code)
			status, text := e.mustFail(logical.UpdateOperation, "config", e.app())
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, text, code)
			require.Contains(t, text, hint)
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
