package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

// canary is a token that must never be shown.
const (
	canary = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ." + canary64 + canary64 + canary64 + canary64 + canary64 + "canarycanarycanarycanA"

	canary64 = "canarycanarycanarycanarycanarycanarycanarycanarycanarycanarycana"
)

// noon is when the tests run.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

type outcome struct {
	code     int
	out, err string
}

func itwinAudit(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), terminal{in: strings.NewReader(stdin), out: &out, err: &errs, now: noon}, args)
	return outcome{code, out.String(), errs.String()}
}

// log is a file with one read of the canary token by kim, an hour before noon.
func log(t *testing.T) string {
	t.Helper()
	return write(t, "audit.log", line("kim", false))
}

func line(user string, hashed bool) []byte {
	return auditlogtest.Line{
		Time: noon().Add(-time.Hour), Display: "userpass-" + user, User: user, Policy: "p", Path: "itwin/token/viewer", Token: canary,
		Hashed: hashed,
	}.Append(nil)
}

func write(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

func TestEachCommandHasAManual(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"readers", "tokens", "summary"} {
		got := itwinAudit(t, "", command, "-h")
		require.Equal(t, exitFound, got.code)
		require.Empty(t, got.err)
		for _, part := range []string{"itwin-audit " + command + " - ", "USAGE", "DESCRIPTION", "EXAMPLES", "FLAGS", "-since TIME", "EXIT CODE"} {
			require.Contains(t, got.out, part)
		}
	}
	require.Equal(t, outcome{code: exitFound, out: overview}, itwinAudit(t, "", "-h"))
	require.Equal(t, exitFound, itwinAudit(t, "", "-version").code)
}
