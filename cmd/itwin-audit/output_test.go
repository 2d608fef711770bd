package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswerGoesIntoAFileThatOthersCantRead(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]os.FileMode{"a new one": 0, "one that others could read": 0o644, "one that nobody could": 0o400} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "report.html")
			if before != 0 {
				require.NoError(t, os.WriteFile(path, []byte("older"), before))
				require.NoError(t, os.Chmod(path, before))
			}
			got := itwinAudit(t, "", "summary", "--format", "html", "--output", path, log(t))
			require.Equal(t, outcome{code: exitFound}, got)
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			requireHolds(t, path, "userpass-kim")
			left, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			require.Len(t, left, 1)
		})
	}
}

// TestProcessWithThePreviousFileOpenCannotReadTheAnswer holds for other names of the older file, too.
func TestProcessWithThePreviousFileOpenCannotReadTheAnswer(t *testing.T) {
	t.Parallel()
	path, other := filepath.Join(t.TempDir(), "report"), filepath.Join(t.TempDir(), "other name")
	require.NoError(t, os.WriteFile(path, []byte("older"), 0o600))
	require.NoError(t, os.Link(path, other))
	require.Equal(t, outcome{code: exitFound}, itwinAudit(t, "", "summary", "--output", path, log(t)))
	requireHolds(t, path, "userpass-kim")
	requireHolds(t, other, "older")
}

func TestOutputMustBeARegularFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link, device := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "device")
	require.NoError(t, os.WriteFile(target, []byte("somebody's"), 0o600))
	require.NoError(t, os.Symlink(target, link))
	require.NoError(t, os.Symlink(os.DevNull, device)) // no device itself: a broken check would do away with it
	for name, path := range map[string]string{"a link": link, "a link to a device": device, "a folder": t.TempDir()} {
		got := itwinAudit(t, "", "summary", "--output", path, log(t))
		require.Equal(t, exitError, got.code, name)
		require.Contains(t, got.err, path+" is not a regular file", name)
		require.Empty(t, got.out, name)
	}
	requireHolds(t, target, "somebody's")
}

func TestAnswerThatCantBeWrittenLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, path := range map[string]string{
		"in a folder that isn't there":  filepath.Join(dir, "none", "report"),
		"under a name that is too long": filepath.Join(dir, strings.Repeat("x", 300)),
	} {
		got := itwinAudit(t, "", "summary", "--output", path, log(t))
		require.Equal(t, exitError, got.code, name)
		require.Contains(t, got.err, "itwin-audit: writing the answer: ", name)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func requireHolds(t *testing.T, path, text string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(got), text)
}
