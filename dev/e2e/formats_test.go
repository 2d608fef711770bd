package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const newerVersion = "v99.0.0-newer"

// laterFields are those of a stored config that has not always had them.
func laterFields() []string {
	return []string{"api_url", "auth_method", "request_timeout", "ca_cert", "tls_min_version", "persist_tokens"}
}

// buildNewer builds a version that stores configs and roles in the formats to come, and knows today's as well.
func buildNewer(t *testing.T) vaulttest.Plugin {
	t.Helper()
	return vaulttest.Build(t, newerVersion,
		vaulttest.Edit{File: "config.go", Old: "configFormat = 2", New: "configFormat = 3"},
		vaulttest.Edit{File: "role.go", Old: "roleFormat = 1", New: "roleFormat = 2"},
		vaulttest.Edit{File: "role.go", Old: "stored.Format != roleFormat", New: "stored.Format > roleFormat"},
	)
}

// TestEntriesThatLackWhatCameLaterAreReadWithDefaults puts them into storage as Vault lets root do, since no version that
// wrote such entries was ever released.
func TestEntriesThatLackWhatCameLaterAreReadWithDefaults(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	lacking := map[string][]string{"none-of-them": append(laterFields(), "format", "scopes", "renew_before", "token_url")}
	for _, key := range lacking["none-of-them"] {
		lacking["no-"+key] = []string{key}
	}
	configs, tokens := make(map[string]map[string]any), make(map[string]token)
	for name, keys := range lacking {
		e.mustWrite("itwin/config/"+name, fields{"client_id": clientID, "client_secret": clientSecret, "authority": e.ims.URL()})
		e.mustWrite("itwin/role/"+name, fields{"app": name})
		configs[name], tokens[name] = e.mustRead("itwin/config/"+name).Data, e.mustToken("itwin/token/"+name)
		entry := e.readStored("config/" + name)
		maps.DeleteFunc(entry, func(key string, _ any) bool { return slices.Contains(keys, key) })
		e.writeStored("config/"+name, entry)
	}
	exchanges := e.ims.Exchanges()
	vaulttest.Reload(t, e.root, e.plugin)
	for name, keys := range lacking {
		require.Equal(t, configs[name], e.mustRead("itwin/config/"+name).Data, name)
		require.Equal(t, tokens[name].AccessToken, e.mustToken("itwin/token/"+name).AccessToken, name)
		e.mustWrite("itwin/config/"+name, fields{"verify": false})
		require.Subset(t, e.readStored("config/"+name), keys, name)
	}
	require.Equal(t, exchanges, e.ims.Exchanges())
}

// TestDowngradeLosesNothingThatANewerVersionStored ends with what the operations page advises.
func TestDowngradeLosesNothingThatANewerVersionStored(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	e.configure(nil)
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	this := e.plugin.Version
	e.server.Register(t, buildNewer(t))
	e.move(newerVersion)
	e.mustWrite("itwin/config", fields{"renew_before": "20m", "verify": false})
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	before, exchanges := e.kept(), e.ims.Exchanges()
	config, role := e.readStored("config"), e.readStored("role/viewer")

	e.move(this)
	e.requireRefused()
	require.Equal(t, config, e.readStored("config"))
	require.Equal(t, role, e.readStored("role/viewer"))
	e.move(newerVersion)
	require.Equal(t, before, e.kept())
	require.Equal(t, exchanges, e.ims.Exchanges())

	e.move(this)
	e.configure(fields{"renew_before": "20m"})
	e.mustWrite("itwin/role/viewer", fields{"scopes": "itwins:read"})
	require.Equal(t, before.role, e.mustRead("itwin/role/viewer").Data)
	e.mustToken("itwin/token/viewer")
}

// requireRefused wants whatever a newer version stored to be left alone, by texts that say so.
func (e *env) requireRefused() {
	e.t.Helper()
	const newerConfig, newerRole = "written by a newer version of this plugin: upgrade the plugin", "written by a newer version of this plugin"
	for path, text := range map[string]string{
		"itwin/token": newerConfig, "itwin/token/viewer": newerRole, "itwin/config": newerConfig, "itwin/role/viewer": newerRole,
	} {
		_, err := e.root.Logical().Read(path)
		requireStatus(e.t, err, http.StatusBadRequest, text)
	}
	for path, text := range map[string]string{"itwin/rotate": newerConfig, "itwin/config": newerConfig} {
		_, err := e.root.Logical().Write(path, fields{"request_timeout": "20s"})
		requireStatus(e.t, err, http.StatusBadRequest, text)
	}
	report := e.mustRead("itwin/check").Data
	require.Equal(e.t, false, report["ok"])
	require.Equal(e.t, "config", report["failed_stage"])
}

// readStored decrypts an entry of the mount's storage, as Vault lets root do.
func (e *env) readStored(key string) map[string]any {
	e.t.Helper()
	var entry map[string]any
	text := e.mustRead(e.rawPath(key)).Data["value"].(string)
	require.NoError(e.t, json.Unmarshal([]byte(text), &entry))
	return entry
}

func (e *env) writeStored(key string, entry map[string]any) {
	e.t.Helper()
	text, err := json.Marshal(entry)
	require.NoError(e.t, err)
	e.mustWrite(e.rawPath(key), fields{"value": string(text)})
}

func (e *env) rawPath(key string) string {
	e.t.Helper()
	mounts, err := e.root.Sys().ListMounts()
	require.NoError(e.t, err)
	return "sys/raw/logical/" + mounts[mount+"/"].UUID + "/" + key
}
