package release

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAReleaseIsAllThatUsersDownload(t *testing.T) {
	t.Parallel()
	o := small(t)
	require.NoError(t, Build(t.Context(), o))
	require.Equal(t, []string{
		"SHA256SUMS",
		"itwin-audit_1.2.3_linux_amd64.cdx.json",
		"itwin-audit_1.2.3_linux_amd64.zip",
		"release-notes.md",
		"vault-plugin-secrets-itwin_1.2.3_linux_amd64.cdx.json",
		"vault-plugin-secrets-itwin_1.2.3_linux_amd64.zip",
		"vault-plugin-secrets-itwin_1.2.3_oci.tar",
	}, list(t, o.Out))
	require.Equal(t, []string{"v1.2.3"}, list(t, filepath.Dir(o.Out)), "what it worked with is gone")
}

func TestAReleaseWithoutLinuxHasNoImage(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Platforms = []string{"windows/amd64"}
	require.NoError(t, Build(t.Context(), o))
	require.NotContains(t, list(t, o.Out), "vault-plugin-secrets-itwin_1.2.3_oci.tar")
	archive := filepath.Join(o.Out, "vault-plugin-secrets-itwin_1.2.3_windows_amd64.zip")
	require.NotEmpty(t, unpacked(t, archive, "vault-plugin-secrets-itwin.exe"))
}

func TestTheSumsAreThoseThatSha256sumChecks(t *testing.T) {
	t.Parallel()
	o := small(t)
	require.NoError(t, Build(t.Context(), o))
	check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", sumsFile)
	check.Dir = o.Out
	said := ran(t, check)
	for _, name := range list(t, o.Out) {
		if name != sumsFile {
			require.Contains(t, said, name+": OK")
		}
	}
}

// TestWhereAReleaseIsMadeDoesNotShow compares small ones, for all platforms; dev/supply compares the product's.
func TestWhereAReleaseIsMadeDoesNotShow(t *testing.T) {
	t.Parallel()
	here, elsewhere := small(t), small(t)
	require.NotEqual(t, here.Root, elsewhere.Root)
	here.Platforms, elsewhere.Platforms = nil, nil
	require.NoError(t, Build(t.Context(), here))
	require.NoError(t, Build(t.Context(), elsewhere))
	require.Equal(t, list(t, here.Out), list(t, elsewhere.Out))
	require.Len(t, list(t, here.Out), 2*2*len(AllPlatforms())+3)
	for _, name := range list(t, here.Out) {
		require.Equal(t, sum([]byte(read(t, here.Out, name))), sum([]byte(read(t, elsewhere.Out, name))), name)
	}
}

func TestAReleaseIsReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	o := small(t)
	require.NoError(t, Build(t.Context(), o))
	write(t, filepath.Join(o.Out, "left-over.zip"), "of an earlier run")
	o.Platforms = []string{"windows/amd64"}
	require.NoError(t, Build(t.Context(), o))
	require.Equal(t, []string{
		"SHA256SUMS",
		"itwin-audit_1.2.3_windows_amd64.cdx.json",
		"itwin-audit_1.2.3_windows_amd64.zip",
		"release-notes.md",
		"vault-plugin-secrets-itwin_1.2.3_windows_amd64.cdx.json",
		"vault-plugin-secrets-itwin_1.2.3_windows_amd64.zip",
	}, list(t, o.Out))
}

func TestAFailingBuildLeavesAllAsItWas(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, o Options){
		"a program doesn't compile": func(t *testing.T, o Options) {
			t.Helper()
			write(t, filepath.Join(o.Root, "cmd", auditName, "main.go"), "package main\n\nfunc main() { nonsense() }\n")
		},
		"the changelog is empty": func(t *testing.T, o Options) {
			t.Helper()
			write(t, filepath.Join(o.Root, changelogFile), "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := small(t)
			require.NoError(t, Build(t.Context(), o))
			before := read(t, o.Out, sumsFile)
			spoil(t, o)
			require.Error(t, Build(t.Context(), o))
			require.Equal(t, before, read(t, o.Out, sumsFile))
			require.Equal(t, []string{"v1.2.3"}, list(t, filepath.Dir(o.Out)))
		})
	}
}

func TestAFailingBuildTellsWhatTheCompilerSaid(t *testing.T) {
	t.Parallel()
	o := small(t)
	write(t, filepath.Join(o.Root, "cmd", auditName, "main.go"), "package main\n\nfunc main() { nonsense() }\n")
	err := Build(t.Context(), o)
	require.ErrorContains(t, err, "building for linux/amd64")
	require.ErrorContains(t, err, "undefined: nonsense")
}

func TestAnInterruptedBuildEndsWhatItStarted(t *testing.T) {
	t.Parallel()
	o := small(t)
	pipe := filepath.Join(o.Root, "pipe")
	ran(t, exec.CommandContext(t.Context(), "mkfifo", pipe))
	// Opening the pipe for reading waits for this test, reading from it waits for the end of the test.
	write(t, filepath.Join(o.Root, "Makefile"), "build:\n\tcat "+pipe+"\n")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Build(ctx, o) }()
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, list(t, filepath.Dir(o.Out)))

	// A pipe that nobody reads any more refuses what is written: make and what it ran have ended.
	require.Eventually(t, func() bool {
		_, err := writer.WriteString("x")
		return err != nil
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, writer.Close())
}

func TestItSaysWhereTheReleaseIsAndThatNobodySignedIt(t *testing.T) {
	t.Parallel()
	o := small(t)
	var said bytes.Buffer
	o.Report = &said
	require.NoError(t, Build(t.Context(), o))
	require.Contains(t, said.String(), "release: v1.2.3 is in "+o.Out+"\n")
	require.Contains(t, said.String(), "release: not signed: ")
	require.Contains(t, said.String(), "`make release VERSION=v1.2.3 GPG_KEY=<key id>`")
	require.Contains(t, said.String(), "`make release VERSION=v1.2.3 COSIGN_KEY=<file or URI>`")
	require.Contains(t, read(t, o.Out, notesFile), "Not signed: ")
}
