package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
)

// The engine's own defaults, where the real thing is.
const (
	defaultAuthority = "https://ims.bentley.com"
	defaultAPIURL    = "https://api.bentley.com"
)

// settings are what the command line and the environment say.
type settings struct {
	keepRunning bool

	vaultBin      string // absolute
	pluginBin     string
	pluginVersion string

	// Empty unless the demo is to use a real app.
	clientID, clientSecret, authority, apiURL string
}

func readSettings(args []string, getenv func(string) string) (settings, error) {
	s := settings{
		pluginBin:     getenv("PLUGIN_BIN"),
		pluginVersion: getenv("PLUGIN_VERSION"),
		clientID:      getenv("ITWIN_CLIENT_ID"),
		clientSecret:  getenv("ITWIN_CLIENT_SECRET"),
		authority:     cmp.Or(getenv("ITWIN_AUTHORITY"), defaultAuthority),
		apiURL:        cmp.Or(getenv("ITWIN_API_URL"), defaultAPIURL),
	}
	switch {
	case len(args) == 1 && args[0] == "dev":
		s.keepRunning = true
	case len(args) > 0:
		return settings{}, fmt.Errorf("unknown argument %q; the only one is dev", args[0])
	}
	switch {
	case (s.clientID == "") != (s.clientSecret == ""):
		return settings{}, errors.New("set both ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET to use a real app, or neither to use the emulator")
	case s.clientID == "" && getenv("ITWIN_AUTHORITY")+getenv("ITWIN_API_URL") != "":
		return settings{}, errors.New("ITWIN_AUTHORITY and ITWIN_API_URL need ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET")
	case getenv("VAULT_BIN") == "" || s.pluginBin == "" || s.pluginVersion == "":
		return settings{}, errors.New("VAULT_BIN, PLUGIN_BIN and PLUGIN_VERSION must be set: run make demo, which builds what they name")
	}
	var err error
	if s.vaultBin, err = filepath.Abs(getenv("VAULT_BIN")); err != nil {
		return settings{}, fmt.Errorf("locating Vault: %w", err)
	}
	return s, nil
}

// emulated tells whether the emulator stands in for IMS and the Platform.
func (s *settings) emulated() bool { return s.clientID == "" }
