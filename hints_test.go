package itwin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
)

func TestEveryFailedExchangeHasAHint(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, stage := range []outbound.Stage{outbound.StageDNS, outbound.StageTLS, outbound.StageProxy, outbound.StageConnect} {
		for _, kind := range []ims.Kind{ims.Unreachable, ims.TimedOut} {
			hint := imsHint(&ims.Error{Kind: kind, Stage: stage})
			require.True(t, strings.HasPrefix(hint, "Check "), hint)
			seen[hint] = true
		}
	}
	require.Len(t, seen, 4, "each stage has its own")
	for _, e := range []*ims.Error{
		{Kind: ims.Refused, Code: "invalid_client"},
		{Kind: ims.Refused, Code: "invalid_scope"},
		{Kind: ims.Refused, Code: "unauthorized_client"},
		{Kind: ims.Refused},
		{Kind: ims.RateLimited},
		{Kind: ims.Malformed},
		{Kind: ims.TimedOut, Limit: time.Second},
		{Kind: ims.Unreachable, Status: http.StatusBadGateway},
		{Kind: ims.Unreachable, Status: http.StatusFound},
	} {
		require.Regexp(t, `^[A-Z].*[^.]\.$`, imsHint(e), "whole sentences")
	}
	require.Equal(t, imsHint(&ims.Error{Kind: ims.Refused, Code: "invalid_scope"}), imsHint(&ims.Error{
		Kind: ims.Refused, Code: "unauthorized_client", Description: "Invalid scope for client.",
	}))
	require.Equal(t, stageExchange, exchangeStage(&ims.Error{Stage: outbound.StageStatus}))
	require.Equal(t, "proxy", exchangeStage(&ims.Error{Stage: outbound.StageProxy}))
}

func TestRefusalHasAHint(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"invalid_client": "status.bentley.com",
		"invalid_scope":  "add it to the app in My Apps, or change scopes in the config or role",

		"unauthorized_client":    "Register an app of type Service",
		"unsupported_grant_type": "Register an app of type Service",
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
