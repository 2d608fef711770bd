package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOptions(t *testing.T) {
	_, err := parseOptions(nil, io.Discard)
	require.ErrorContains(t, err, "IMS_EMULATOR_CLIENT_ID")

	t.Setenv("IMS_EMULATOR_CLIENT_ID", "service-e")
	t.Setenv("IMS_EMULATOR_CLIENT_SECRET", "from-env")
	options, err := parseOptions([]string{"-scopes", "a,b"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "service-e", options.Apps[0].ClientID)
	require.Equal(t, []string{"a", "b"}, options.Apps[0].Scopes)
	for _, args := range [][]string{{"-lifetime", "5ms"}, {"extra"}, {"-no-such-flag"}} {
		_, err := parseOptions(args, io.Discard)
		require.Error(t, err, args)
	}
}
