package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		want string // in the error; empty for none
	}{
		"binaries alone mean the emulator": {nil, nil, ""},
		"dev is known":                     {[]string{"dev"}, nil, ""},
		"another argument is refused":      {[]string{"--keep"}, nil, `unknown arguments ["--keep"]`},
		"an id without a secret is refused": {
			nil, map[string]string{"ITWIN_CLIENT_ID": "a"}, "ITWIN_CLIENT_SECRET isn't set, but ITWIN_CLIENT_ID is. Type:\n\n" +
				"  read -rs ITWIN_CLIENT_SECRET; export ITWIN_CLIENT_SECRET\n\n" +
				"and run make demo again, or without an account: unset ITWIN_CLIENT_ID ITWIN_CLIENT_SECRET",
		},
		"a secret without an id is refused": {
			[]string{"dev"}, map[string]string{"ITWIN_CLIENT_SECRET": "canary"}, "ITWIN_CLIENT_ID isn't set, but ITWIN_CLIENT_SECRET is. " +
				"Type:\n\n  export ITWIN_CLIENT_ID=service-YourAppsIdFromMyApps\n\nand run make dev again",
		},
		"an authority without an app is refused": {
			nil, map[string]string{"ITWIN_AUTHORITY": "https://a"}, "unset ITWIN_CLIENT_ID ITWIN_CLIENT_SECRET ITWIN_AUTHORITY ITWIN_API_URL",
		},
		"without binaries, it says what to run": {nil, map[string]string{"VAULT_BIN": ""}, "make demo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"VAULT_BIN": "/v", "PLUGIN_BIN": "/p", "PLUGIN_VERSION": "v1.0.0"}
			maps.Copy(env, test.env)
			s, err := readSettings(test.args, func(name string) string { return env[name] })
			if test.want == "" {
				require.NoError(t, err)
				require.True(t, s.emulated())
				return
			}
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestARealAppIsUsedAtItsDefaultPlaces(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"VAULT_BIN": "/v", "PLUGIN_BIN": "/p", "PLUGIN_VERSION": "v1.0.0", "ITWIN_CLIENT_ID": "service-a", "ITWIN_CLIENT_SECRET": "s",
	}
	s, err := readSettings(nil, func(name string) string { return env[name] })
	require.NoError(t, err)
	require.False(t, s.emulated())
	require.Equal(t, "https://ims.bentley.com", s.authority)
	require.Equal(t, "https://api.bentley.com", s.apiURL)
}
