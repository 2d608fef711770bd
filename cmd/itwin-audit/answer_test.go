package main

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
	"vault-plugin-secrets-itwin/internal/auditlog/render"
)

func TestExitCodeShowsWhetherAnythingWasFound(t *testing.T) {
	t.Parallel()
	require.Equal(t, exitFound, itwinAudit(t, "", "tokens", "--reader", "kim", log(t)).code)
	require.Equal(t, exitNothing, itwinAudit(t, "", "tokens", "--reader", "lee", log(t)).code)
	require.Equal(t, exitNothing, itwinAudit(t, "", "summary", "--since", "30m", log(t)).code)
	require.Equal(t, exitFound, itwinAudit(t, "", "summary", "--since", "1d", log(t)).code)
	require.Equal(t, exitNothing, itwinAudit(t, "", "summary", "--since", "1d", "--until", "2026-11-23T10:59:59Z", log(t)).code)
}

// TestNothingFoundIsAnErrorIfPartOfTheLogIsUnreadable is about a read by kim whose line was cut off.
func TestNothingFoundIsAnErrorIfPartOfTheLogIsUnreadable(t *testing.T) {
	t.Parallel()
	cutOff := write(t, "audit.log", bytes.TrimSpace(line("kim", false))[:1200])
	for _, args := range [][]string{
		{"readers", "--token-id", auditlogtest.ID(canary)}, {"tokens", "--reader", "kim"}, {"summary"}, {"summary", "--mount", "itwin"},
	} {
		for _, format := range render.Formats() {
			got := itwinAudit(t, "", append(args, "--format", format, cutOff)...)
			require.Equal(t, exitError, got.code, args)
			require.Contains(t, got.out, "userpass-kim", "who asked is shown")
			require.Contains(t, got.err, "itwin-audit: the answer is missing 1 unreadable line\n")
			require.Contains(t, got.err, "itwin-audit: nothing was found, but")
		}
	}
	got := itwinAudit(t, "", "tokens", "--reader", "kim", log(t), cutOff)
	require.Equal(t, outcome{exitFound, got.out, "itwin-audit: the answer is missing 1 unreadable line\n"}, got)
	require.Equal(t, exitNothing, itwinAudit(t, "", "tokens", "--reader", "lee", cutOff).code, "lee didn't ask")
}

func TestAnswerIsWrittenForAnyTimesInALog(t *testing.T) {
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

func TestMountMissingFromTheLogIsReported(t *testing.T) {
	t.Parallel()
	unwrapped := auditlogtest.Line{
		Time: noon().Add(-time.Hour), Display: "root", Policy: "root", Operation: "update", Mount: "sys/", MountType: "system",
		Path: "sys/wrapping/unwrap", Token: canary, Wrapping: "made elsewhere", Hashed: true,
	}
	logged := write(t, "audit.log", unwrapped.Append(line("kim", false)))
	const note = "The log has no entry for itwni/. Other mounts of the plugin in this log: itwin/"
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
