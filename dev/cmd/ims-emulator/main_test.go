package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func noEnv(string) string { return "" }

func TestRunServesTheAppUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	output, stdout := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-client-id", "service-a", "-client-secret", "s", "-scopes", "a,b"}, noEnv, stdout, io.Discard)
	}()

	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	base, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, found, line)
	response, err := http.PostForm(base+"/connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"service-a"}, "client_secret": {"s"}, "scope": {"b"},
	})
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)

	cancel()
	require.NoError(t, <-done)
}

func TestOptions(t *testing.T) {
	t.Parallel()

	t.Run("id and secret come from the environment, iTwins from flags", func(t *testing.T) {
		t.Parallel()
		env := map[string]string{envClientID: "service-e", envClientSecret: "from-env"}
		options, err := parseOptions([]string{"-itwin", "t1=read,write", "-itwin", "t2"},
			func(name string) string { return env[name] }, io.Discard)
		require.NoError(t, err)
		app := options.Apps[0]
		require.Equal(t, "service-e", app.ClientID)
		require.Equal(t, "from-env", app.ClientSecret)
		require.Equal(t, []string{"itwin-platform"}, app.Scopes)
		require.Equal(t, []string{"read", "write"}, app.ITwins["t1"])
		require.Contains(t, app.ITwins, "t2")
	})

	for name, args := range map[string][]string{
		"an app without an id is refused":          {"-client-secret", "s"},
		"an app without a secret is refused":       {"-client-id", "a"},
		"an app without scopes is refused":         {"-client-id", "a", "-client-secret", "s", "-scopes", " "},
		"a lifetime of less than 1s is refused":    {"-client-id", "a", "-client-secret", "s", "-lifetime", "5ms"},
		"an iTwin without an id is refused":        {"-client-id", "a", "-client-secret", "s", "-itwin", "=read"},
		"an argument that isn't a flag is refused": {"-client-id", "a", "-client-secret", "s", "extra"},
		"a flag that doesn't exist is refused":     {"-no-such-flag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseOptions(args, noEnv, io.Discard)
			require.Error(t, err)
		})
	}
}

func TestHelpNeverPrintsTheSecretOfTheEnvironment(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	_, err := parseOptions([]string{"-h"}, func(string) string { return "canary" }, &help)
	require.Error(t, err)
	require.Contains(t, help.String(), "/_emulator/fault")
	require.NotContains(t, help.String(), "canary")
}
