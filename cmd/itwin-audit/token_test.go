package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

// TestTokenIsTakenFromStandardInputAndNeverShown takes some of all that package tokentext reads.
func TestTokenIsTakenFromStandardInputAndNeverShown(t *testing.T) {
	t.Parallel()
	for _, piped := range []string{
		canary, canary + "\n", "\ufeffAuthorization: Bearer " + canary + "\r\n", canary[:100] + "\n" + canary[100:],
		`{"data":{"access_token":"` + canary + `"}}`, auditlogtest.ID(canary) + "\n",
	} {
		got := itwinAudit(t, piped, "readers", "--token", "-", log(t))
		require.Equal(t, exitFound, got.code, got.err)
		require.Contains(t, got.out, "userpass-kim")
		require.NotContains(t, got.out+got.err, canary[50:])
	}
}

func TestTextThatIsNotATokenIsRefused(t *testing.T) {
	t.Parallel()
	for _, piped := range []string{
		"", canary[:200], canary[1:], "hvs.CAESIJabcdefgh", canary + " " + canary[:99], "x" + auditlogtest.ID(canary),
	} {
		got := itwinAudit(t, piped, "readers", "--token", "-", log(t))
		require.Equal(t, exitError, got.code)
		require.Regexp(t, `^itwin-audit: the input (is|contains) .*: give .*\n$`, got.err)
		require.Empty(t, got.out)
		require.NotContains(t, got.err, "eyJh")
	}
}

// typing is a terminal at which lines are typed or pasted.
func typing(t *testing.T, lines ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	hidden := func() ([]byte, error) {
		if len(lines) == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		line := lines[0]
		lines = lines[1:]
		return []byte(line), nil
	}
	code := run(t.Context(), terminal{in: strings.NewReader(""), out: &out, err: &errs, now: noon, hidden: hidden},
		[]string{"readers", "--token", "-", log(t)})
	require.Empty(t, lines, "the rest would go to the shell")
	return outcome{code, out.String(), errs.String()}
}

func TestTokenIsTypedHiddenOnATerminal(t *testing.T) {
	t.Parallel()
	got := typing(t, canary)
	require.Equal(t, outcome{exitFound, got.out, "Token (not shown): \n"}, got)
}

func TestTokenThatIsPastedWrappedIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	got := typing(t, canary[:80], canary[80:160], canary[160:])
	require.Equal(t, exitFound, got.code, got.err)
	require.Equal(t, 2, strings.Count(got.err, "Enter to stop: "))
	got = typing(t, canary[:80], canary[80:160], "")
	require.Equal(t, exitError, got.code)
	require.NotContains(t, got.err, canary[:20])
}

func TestVaultIsAskedForTheHMACOfTheTokenID(t *testing.T) {
	var body string
	vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/sys/audit-hash/syslog" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		body = string(text)
		_, _ = io.WriteString(w, `{"data":{"hash":"`+auditlogtest.Hash(auditlogtest.ID(canary))+`"}}`)
	}))
	t.Cleanup(vault.Close)
	t.Setenv("VAULT_ADDR", vault.URL)
	t.Setenv("VAULT_TOKEN", "hvs.x")
	t.Setenv("VAULT_MAX_RETRIES", "0")
	hashed := write(t, "audit.log", line("kim", true))
	require.Equal(t, exitNothing, itwinAudit(t, canary, "readers", "--token", "-", hashed).code)
	got := itwinAudit(t, canary, "readers", "--vault", "--device", "syslog", "--token", "-", hashed)
	require.Equal(t, exitFound, got.code, got.err)
	require.Contains(t, body, auditlogtest.ID(canary))
	require.NotContains(t, body, canary)

	got = itwinAudit(t, canary, "readers", "--vault", "--device", "none", "--token", "-", hashed)
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.err, "asking Vault for sys/audit-hash/none")
}
