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
	pluginBin     string // absolute, without symbolic links: Vault refuses a plugin directory that is one
	pluginVersion string

	// Empty unless the demo is to use a real app.
	clientID, clientSecret, authority, apiURL string
}

func readSettings(args []string, getenv func(string) string) (settings, error) {
	s := settings{
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
	case getenv("VAULT_BIN") == "" || getenv("PLUGIN_BIN") == "" || s.pluginVersion == "":
		return settings{}, errors.New("VAULT_BIN, PLUGIN_BIN and PLUGIN_VERSION must be set: run make demo, which builds what they name")
	}
	return s, s.locate(getenv("VAULT_BIN"), getenv("PLUGIN_BIN"))
}

func (s *settings) locate(vaultBin, pluginBin string) error {
	var err error
	if s.vaultBin, err = filepath.Abs(vaultBin); err != nil {
		return fmt.Errorf("locating Vault: %w", err)
	}
	if s.pluginBin, err = filepath.Abs(pluginBin); err == nil {
		s.pluginBin, err = filepath.EvalSymlinks(s.pluginBin)
	}
	if err != nil {
		return fmt.Errorf("locating the plugin: %w", err)
	}
	return nil
}

// emulated tells whether the emulator stands in for IMS and the Platform.
func (s *settings) emulated() bool { return s.clientID == "" }
