package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func newTestShell(t *testing.T) (*shell, *strings.Builder) {
	t.Helper()
	var out strings.Builder
	sh, err := newShell(t.TempDir(), "/nonexistent/vault", &out, newRedactor("canary"))
	require.NoError(t, err)
	return sh, &out
}

func TestQuotedWordsReachCommandsWhole(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"", "plain-1.0+2", "two words", "it's", `$HOME "x" \ ; rm *`, "ünï"} {
		output, err := exec.CommandContext(t.Context(), "bash", "-c", "printf %s "+quote(word)).Output()
		require.NoError(t, err)
		require.Equal(t, word, string(output))
	}
}

func TestShellShowsLinesWithTheirOutputAndStopsAtAFailure(t *testing.T) {
	t.Parallel()
	sh, out := newTestShell(t)
	err := sh.run(t.Context(), "echo one canary", "echo two >&2; exit 3", "echo three")
	require.ErrorContains(t, err, "exit status 3")
	require.Equal(t, "$ echo one [redacted]\none [redacted]\n$ echo two >&2; exit 3\ntwo\n", out.String())
}

func TestShellKeepsVariablesForLaterLines(t *testing.T) {
	t.Parallel()
	sh, out := newTestShell(t)
	require.NoError(t, sh.assign(t.Context(), "WORD", "echo canary"))
	require.NoError(t, sh.run(t.Context(), `test "$WORD" = "can""ary" && echo kept`))
	require.Equal(t, "$ WORD=$(echo [redacted])\n$ test \"$WORD\" = \"can\"\"ary\" && echo kept\n"+
		"kept\n", out.String())
}

func TestShellTakesARefusalForTheRightReasonOnly(t *testing.T) {
	t.Parallel()
	sh, _ := newTestShell(t)
	require.NoError(t, sh.refused(t.Context(), "denied", "echo denied; exit 2"))
	require.ErrorContains(t, sh.refused(t.Context(), "denied", "echo denied"), "should have been refused")
	require.ErrorContains(t, sh.refused(t.Context(), "denied", "echo other; exit 2"), "exit status 2")
}
