// Command vault-plugin-secrets-itwin is the plugin that Vault starts. Run by hand,
// it only prints its version, with -version.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"slices"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/plugin"

	itwin "vault-plugin-secrets-itwin"
)

// version is set at build time, by -ldflags "-X main.version=v1.2.3".
var version = ""

func main() {
	running := runningVersion(version)
	if slices.Contains(os.Args[1:], "-version") || slices.Contains(os.Args[1:], "--version") {
		fmt.Println(running) //nolint:forbidigo // the requested output
		return
	}
	if err := serve(running, os.Args[1:]); err != nil {
		hclog.New(&hclog.LoggerOptions{}).Error("plugin shutting down", "error", err)
		os.Exit(1)
	}
}

// serve serves Vault until Vault ends the process. One process serves all mounts of a
// version.
func serve(running string, args []string) error {
	meta := &api.PluginAPIClientMeta{}
	if err := meta.FlagSet().Parse(args); err != nil {
		return fmt.Errorf("parsing flags: %w", err)
	}
	// net/http passes unsolicited responses, verbatim, to the standard logger, and stderr
	// goes to Vault's log.
	log.SetOutput(io.Discard)
	err := plugin.ServeMultiplex(&plugin.ServeOpts{
		BackendFactoryFunc: itwin.FactoryOf(running),
		TLSProviderFunc:    api.VaultPluginTLSProvider(meta.GetTLSConfig()),
	})
	if err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
