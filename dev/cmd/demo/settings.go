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
		keepRunning:   len(args) == 1 && args[0] == "dev",
		pluginBin:     getenv("PLUGIN_BIN"),
		pluginVersion: getenv("PLUGIN_VERSION"),
		clientID:      getenv("ITWIN_CLIENT_ID"),
		clientSecret:  getenv("ITWIN_CLIENT_SECRET"),
		authority:     cmp.Or(getenv("ITWIN_AUTHORITY"), defaultAuthority),
		apiURL:        cmp.Or(getenv("ITWIN_API_URL"), defaultAPIURL),
	}
	if len(args) > 0 && !s.keepRunning {
		return settings{}, fmt.Errorf("unknown arguments %q; the only one is dev", args)
	}
	if err := s.checkApp(); err != nil {
		return settings{}, err
	}
	if getenv("VAULT_BIN") == "" || s.pluginBin == "" || s.pluginVersion == "" {
		return settings{}, errors.New("VAULT_BIN, PLUGIN_BIN and PLUGIN_VERSION must be set: run make demo, which builds what they name")
	}
	var err error
	s.vaultBin, err = filepath.Abs(getenv("VAULT_BIN"))
	return s, err
}

func (s *settings) checkApp() error {
	switch {
	case (s.clientID == "") != (s.clientSecret == ""):
		return errors.New("set both ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET to use a real app, or neither to use the emulator")
	case s.clientID == "" && (s.authority != defaultAuthority || s.apiURL != defaultAPIURL):
		return errors.New("ITWIN_AUTHORITY and ITWIN_API_URL need ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET")
	}
	return nil
}

// emulated tells whether the emulator stands in for IMS and the Platform.
func (s *settings) emulated() bool { return s.clientID == "" }
