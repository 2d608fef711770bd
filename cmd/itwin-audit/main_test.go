package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
	"vault-plugin-secrets-itwin/internal/auditlog/render"
)

const canary = "eyJcanary"

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

func TestTokenIsTakenFromStandardInputAndNeverShown(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{canary, canary + "\n", "Bearer " + canary + "\r\n"} {
		got := itwinAudit(t, typed, "readers", "--token", "-", log(t))
		require.Equal(t, exitFound, got.code, got.err)
		require.Contains(t, got.out, "userpass-kim")
		require.NotContains(t, got.out+got.err, canary)
	}
}

func TestTokenIsTypedHiddenOnATerminal(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	hidden := func() ([]byte, error) { return []byte(canary), nil }
	code := run(t.Context(), terminal{in: strings.NewReader(""), out: &out, err: &errs, now: noon, hidden: hidden},
		[]string{"readers", "--token", "-", log(t)})
	require.Equal(t, exitFound, code)
	require.Equal(t, "Token (not shown): \n", errs.String())
}

func TestWrongUsageIsExplainedWithoutRepeatingATokenOnTheCommandLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a token as an argument":          {[]string{"readers", "--token", canary, "x"}, "a token can't be an argument"},
		"a token as an argument, with =":  {[]string{"readers", "--token=" + canary}, "a token can't be an argument"},
		"a token for its id":              {[]string{"readers", "--token-id", canary}, "64 hex digits"},
		"neither token nor id":            {[]string{"readers", "x"}, "one of --token-id and --token -"},
		"the token's input for the log's": {[]string{"readers", "--token", "-"}, "name the files of the log"},
		"an HMAC that Vault should hash":  {[]string{"readers", "--vault", "--token-id", auditlogtest.Hash("x")}, "of no use"},
		"tokens of nobody":                {[]string{"tokens"}, "--reader is missing"},
		"a flag after a file":             {[]string{"summary", "x", "--since", "1h"}, "flags come before"},
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

func TestExitCodeTellsWhetherTheLogHoldsAnything(t *testing.T) {
	t.Parallel()
	require.Equal(t, exitFound, itwinAudit(t, "", "tokens", "--reader", "kim", log(t)).code)
	require.Equal(t, exitNothing, itwinAudit(t, "", "tokens", "--reader", "lee", log(t)).code)
	require.Equal(t, exitNothing, itwinAudit(t, "", "summary", "--since", "30m", log(t)).code)
	require.Equal(t, exitFound, itwinAudit(t, "", "summary", "--since", "1d", log(t)).code)
	require.Equal(t, exitNothing, itwinAudit(t, "", "summary", "--since", "1d", "--until", "2026-11-23T10:59:59Z", log(t)).code)
}

// TestNothingIsNoAnswerWhereSomethingCantBeRead is about a read by kim whose line was cut off.
func TestNothingIsNoAnswerWhereSomethingCantBeRead(t *testing.T) {
	t.Parallel()
	cutOff := write(t, "audit.log", bytes.TrimSpace(line("kim", false))[:1200])
	for _, args := range [][]string{
		{"readers", "--token-id", auditlogtest.ID(canary)}, {"tokens", "--reader", "kim"}, {"summary"}, {"summary", "--mount", "itwin"},
	} {
		for _, format := range render.Formats() {
			got := itwinAudit(t, "", append(args, "--format", format, cutOff)...)
			require.Equal(t, exitError, got.code, args)
			require.Contains(t, got.out, "userpass-kim", "who asked is shown")
			require.Contains(t, got.err, "itwin-audit: the answer lacks what is in 1 unreadable line\n")
			require.Contains(t, got.err, "itwin-audit: nothing was found, but")
		}
	}
	got := itwinAudit(t, "", "tokens", "--reader", "kim", log(t), cutOff)
	require.Equal(t, outcome{exitFound, got.out, "itwin-audit: the answer lacks what is in 1 unreadable line\n"}, got)
	require.Equal(t, exitNothing, itwinAudit(t, "", "tokens", "--reader", "lee", cutOff).code, "lee didn't ask")
}

func TestAnswerIsWrittenWhateverTheTimesInALog(t *testing.T) {
	t.Parallel()
	good := string(line("kim", false))
	for _, replaced := range [][2]string{
		{`"expires_at_unix":1795435200`, `"expires_at_unix":99999999999999`},
		{`"2026-11-23T11`, `"9999-12-31T11`},
		{`"2026-11-23T11:00:00Z"`, `"9999-12-31T23:59:59-10:00"`},
		{`"2026-11-23T11:00:00Z"`, `"0001-01-01T00:00:00+10:00"`},
	} {
		require.Contains(t, good, replaced[0])
		logged := write(t, "audit.log", []byte(strings.Replace(good, replaced[0], replaced[1], 1)+good))
		for _, format := range render.Formats() {
			got := itwinAudit(t, "", "readers", "--token-id", auditlogtest.ID(canary), "--format", format, logged)
			require.Equal(t, exitFound, got.code, got.err)
			require.Contains(t, got.out, "userpass-kim")
		}
	}
}

func TestMountThatIsNotInTheLogIsSaidSoWhateverWasUnwrapped(t *testing.T) {
	t.Parallel()
	unwrapped := auditlogtest.Line{
		Time: noon().Add(-time.Hour), Display: "root", Policy: "root", Operation: "update", Mount: "sys/", MountType: "system",
		Path: "sys/wrapping/unwrap", Token: canary, Wrapping: "made elsewhere", Hashed: true,
	}
	logged := write(t, "audit.log", unwrapped.Append(line("kim", false)))
	const note = "No entry is of itwni/. Other mounts of the plugin in this log: itwin/"
	for _, format := range []string{"table", "json", "html"} {
		got := itwinAudit(t, "", "summary", "--mount", "itwni", "--format", format, logged)
		require.Equal(t, exitNothing, got.code)
		require.Contains(t, got.out, note)
		require.Empty(t, got.err)
	}
	got := itwinAudit(t, "", "summary", "--mount", "itwni", "--format", "csv", logged)
	require.Equal(t, exitNothing, got.code)
	require.Contains(t, got.err, "itwin-audit: "+note+"\n")
	require.Equal(t, exitFound, itwinAudit(t, "", "summary", "--mount", "/itwin/", logged).code)
}

func TestLogsComeFromFilesRotatedAndZippedAndFromStandardInput(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, err := writer.Write(line("old", false))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	got := itwinAudit(t, string(line("piped", false))+"damaged\n", "summary", log(t), write(t, "audit.log.1.gz", zipped.Bytes()), "-")
	require.Equal(t, exitFound, got.code)
	for _, name := range []string{"userpass-kim", "userpass-old", "userpass-piped"} {
		require.Contains(t, got.out, name)
	}
	require.Equal(t, "itwin-audit: skipped 1 damaged line of 4\n", got.err)
}

func TestVaultIsAskedForTheHMACOfTheIDAndNotOfTheToken(t *testing.T) {
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

// TestProgressIsDrawnOnATerminal hands in a clock that a second passes on at each look.
func TestProgressIsDrawnOnATerminal(t *testing.T) {
	t.Parallel()
	now := noon()
	clock := func() time.Time {
		now = now.Add(time.Second)
		return now
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), terminal{out: &out, err: &errs, now: clock, shows: true}, []string{"summary", log(t)})
	require.Equal(t, exitFound, code)
	require.Contains(t, errs.String(), "read 0 MiB, file 1 of 1")
	require.True(t, strings.HasSuffix(errs.String(), "\r\x1b[K"), "the line is gone in the end")
}

func TestInterruptEndsTheReading(t *testing.T) {
	t.Parallel()
	p := newProgress(terminal{now: noon}, 1)
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("interrupted"))
	_, err := p.watch(ctx, strings.NewReader("x")).Read(make([]byte, 1))
	require.ErrorContains(t, err, "interrupted")
}
