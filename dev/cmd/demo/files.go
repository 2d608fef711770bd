package main

import (
	"fmt"
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

// writeFiles makes the files that the lines of the demo name, in the folder they run in.
func (d *demo) writeFiles(password string) error {
	for name, content := range map[string]string{
		"secret.txt":   d.identity.clientSecret,
		"password.txt": password,
		"vault.hcl":    fmt.Sprintf("plugin_directory = %q\n", filepath.Dir(d.settings.pluginBin)),
		"reader.hcl":   readerPolicy,
		"agent.hcl":    agentConfig,
	} {
		if err := d.shell.write(name, content); err != nil {
			return err
		}
	}
	return nil
}
