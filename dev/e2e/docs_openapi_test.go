package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/reference"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// openAPI is what of Vault's document is the engine's: the rest differs with Vault's version.
type openAPI struct {
	OpenAPI    string                     `json:"openapi"`
	Info       map[string]any             `json:"info"`
	Paths      map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

// TestVaultShowsTheOpenAPIDocumentOfTheSchema wants the document that dev/reference makes without a Vault.
func TestVaultShowsTheOpenAPIDocumentOfTheSchema(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	want, err := reference.OpenAPI(t.Context(), mount)
	require.NoError(t, err)
	health, err := e.root.Sys().Health()
	require.NoError(t, err)
	if strings.HasPrefix(health.Version, "1.16.") {
		t.Skip("Vault 1.16 leaves patches out of its document: the SDK that it is made of doesn't describe them yet")
	}
	require.Equal(t, string(want), string(e.openAPI()))
}

// openAPI is the engine's part of the document, indented.
func (e *env) openAPI() []byte {
	e.t.Helper()
	raw, err := e.root.Logical().ReadRawWithContext(e.t.Context(), "sys/internal/specs/openapi")
	require.NoError(e.t, err)
	defer func() { _ = raw.Body.Close() }()
	var all openAPI
	require.NoError(e.t, json.NewDecoder(raw.Body).Decode(&all))

	part := openAPI{OpenAPI: all.OpenAPI, Info: map[string]any{"title": mount, "version": "v0"}}
	part.Paths = make(map[string]json.RawMessage)
	for path, item := range all.Paths {
		if strings.HasPrefix(path, "/"+mount+"/") {
			part.Paths[path] = item
		}
	}
	part.Components.Schemas = make(map[string]json.RawMessage)
	for name, schema := range all.Components.Schemas {
		if strings.HasPrefix(name, "Itwin") {
			part.Components.Schemas[name] = schema
		}
	}
	text, err := json.MarshalIndent(part, "", "  ")
	require.NoError(e.t, err)
	return append(text, '\n')
}
