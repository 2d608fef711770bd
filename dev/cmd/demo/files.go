package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const readerPolicy = `path "itwin/token" {
  capabilities = ["read"]
}

path "itwin/token/viewer" {
  capabilities = ["read"]
}
`

const agentConfig = `auto_auth {
  method "token_file" {
    config = {
      token_file_path = "reader.token"
    }
  }
}

template {
  destination = "itwin.env"
  perms       = "0600"
  contents    = "ITWIN_TOKEN={{ with secret \"itwin/token\" }}{{ .Data.access_token }}{{ end }}\n"
}
`

// plugins is the folder Vault may run plugins from.
const plugins = "plugins"

// writeFiles makes the files that the lines of the demo name, in the folder they run in.
func (d *demo) writeFiles(password, rootToken string) error {
	files := map[string]string{
		"secret.txt":   d.identity.clientSecret,
		"password.txt": password,
		"root.token":   rootToken,
		"vault.hcl":    fmt.Sprintf("plugin_directory = %q\n", filepath.Join(d.shell.folder, plugins)),
		"reader.hcl":   readerPolicy,
		"agent.hcl":    agentConfig,
	}
	if d.settings.emulated() {
		files["survey.txt"] = d.identity.second.ClientSecret
	}
	for name, content := range files {
		if err := d.shell.write(name, content); err != nil {
			return err
		}
	}
	return nil
}

// copyPlugin puts a copy where Vault may run it, because the next make build would replace the binary under a Vault
// that goes by its checksum.
func (d *demo) copyPlugin() error {
	binary, err := os.ReadFile(d.settings.pluginBin)
	if err != nil {
		return fmt.Errorf("reading the plugin: %w", err)
	}
	folder := filepath.Join(d.shell.folder, plugins)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("making the plugins' folder: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, filepath.Base(d.settings.pluginBin)), binary, 0o700); err != nil {
		return fmt.Errorf("copying the plugin: %w", err)
	}
	return nil
}
