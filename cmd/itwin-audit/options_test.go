package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

func TestWrongUsageIsExplainedWithoutRepeatingATokenOnTheCommandLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a token as an argument":          {[]string{"readers", "--token", canary, "x"}, "--token takes only -"},
		"a token as an argument, with =":  {[]string{"readers", "--token=" + canary}, "--token takes only -"},
		"a token for its id":              {[]string{"readers", "--token-id", canary}, "64 hex digits"},
		"neither token nor id":            {[]string{"readers", "x"}, "either --token-id or --token -"},
		"the token's input for the log's": {[]string{"readers", "--token", "-"}, "name the log files"},
		"an HMAC that Vault should hash":  {[]string{"readers", "--vault", "--token-id", auditlogtest.Hash("x")}, "no effect"},
		"tokens of nobody":                {[]string{"tokens"}, "--reader is required"},
		"a flag after a file":             {[]string{"summary", "x", "--since", "1h"}, "flags must come before"},
		"an unknown format":               {[]string{"summary", "--format", "xml"}, "table, json, csv, html"},
		"a time that is none":             {[]string{"summary", "--since", "yesterday"}, "36h or 7d"},
		"a time before all times":         {[]string{"summary", "--since", "300000d"}, "36h or 7d"},
		"an end before the beginning":     {[]string{"summary", "--since", "1h", "--until", "2h"}, "--until is before --since"},
		"an empty mount":                  {[]string{"summary", "--mount", ""}, "--mount takes a path"},
		"an unknown command":              {[]string{"dance"}, "USAGE"},
		"no command":                      {nil, "USAGE"},
		"a file that isn't there":         {[]string{"summary", filepath.Join(t.TempDir(), "none.log")}, "none.log"},
		"a flag that another command has": {[]string{"summary", "--reader", "kim"}, "-reader"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := itwinAudit(t, "", c.args...)
			require.Equal(t, exitError, got.code)
			require.Contains(t, got.err, c.want)
			require.Empty(t, got.out)
			require.NotContains(t, got.err, canary)
		})
	}
}

func TestTokenIDIsAcceptedInEveryForm(t *testing.T) {
	t.Parallel()
	id := auditlogtest.ID(canary)
	for _, given := range []string{strings.ToUpper(id), " " + id + "\n", `"token_id": "` + id + `",`} {
		require.Equal(t, exitFound, itwinAudit(t, "", "readers", "--token-id", given, log(t)).code, given)
	}
}
