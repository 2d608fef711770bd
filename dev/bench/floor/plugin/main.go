// Command plugin is the plugin that benchmarks compare with: see package floor.
package main

import (
	"log"

	"github.com/hashicorp/vault/sdk/plugin"

	"vault-plugin-secrets-itwin/dev/bench/floor"
)

func main() {
	if err := plugin.ServeMultiplex(&plugin.ServeOpts{BackendFactoryFunc: floor.Factory}); err != nil {
		log.Fatalf("serving: %v", err)
	}
}
