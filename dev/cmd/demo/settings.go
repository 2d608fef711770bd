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
	const remedy = ". Type:\n\n  %s\n\nand run %s again, or without an account: %s"
	switch {
	case s.clientID != "" && s.clientSecret == "":
		return fmt.Errorf("ITWIN_CLIENT_SECRET isn't set, but ITWIN_CLIENT_ID is"+remedy, typeSecret, s.command(), forgetApp)
	case s.clientID == "" && s.clientSecret != "":
		return fmt.Errorf("ITWIN_CLIENT_ID isn't set, but ITWIN_CLIENT_SECRET is"+remedy, typeID, s.command(), forgetApp)
	case s.clientID == "" && (s.authority != defaultAuthority || s.apiURL != defaultAPIURL):
		return fmt.Errorf("ITWIN_AUTHORITY and ITWIN_API_URL are for a real app, and none is set"+remedy,
			typeID+"\n  "+typeSecret, s.command(), forgetApp+" ITWIN_AUTHORITY ITWIN_API_URL")
	}
	return nil
}

// What to type to set an app, with a secret that neither the screen nor the shell's history shows, and to set none.
const (
	typeID     = "export ITWIN_CLIENT_ID=service-YourAppsIdFromMyApps"
	typeSecret = "read -rs ITWIN_CLIENT_SECRET; export ITWIN_CLIENT_SECRET"
	forgetApp  = "unset ITWIN_CLIENT_ID ITWIN_CLIENT_SECRET"
)

// refusedAppError is the error where a real app isn't taken, and holds the command to run again. What IMS said is shown above it.
type refusedAppError string

func (command refusedAppError) Error() string {
	return fmt.Sprintf("the app in ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET was refused, see above. "+
		"Set both as My Apps (https://developer.bentley.com/my-apps/) has them:\n\n  %s\n  %s\n\nand run %s again, or without an account: %s",
		typeID, typeSecret, string(command), forgetApp)
}

// command is what the user typed.
func (s *settings) command() string {
	if s.keepRunning {
		return "make dev"
	}
	return "make demo"
}

// emulated tells whether the emulator stands in for IMS and the Platform.
func (s *settings) emulated() bool { return s.clientID == "" }
