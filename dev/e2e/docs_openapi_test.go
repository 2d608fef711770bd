package e2e

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

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

// TestOpenAPIDocumentIsTheGolden holds what Vault shows of the mount in sys/internal/specs/openapi to a file. To write
// it anew, in dev:
//
//	VAULT_BIN="$(../scripts/vault.sh)" go test ./e2e -run TestOpenAPIDocument -count=1 -update
func TestOpenAPIDocumentIsTheGolden(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	document := e.openAPI()
	requireDescribed(t, document)

	golden := filepath.Join("testdata", "openapi.golden.json")
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
		require.NoError(t, os.WriteFile(golden, document, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(document))
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

// requireDescribed wants a valid document that says of every field of an answer what it is.
func requireDescribed(t *testing.T, text []byte) {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	require.NoError(t, document.Validate(t.Context()))
	require.NotEmpty(t, document.Paths.Map())
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			name := method + " " + path
			require.NotEmpty(t, operation.Summary, name)
			require.NotEmpty(t, operation.OperationID, name)
			requireFields(t, name, operation, document.Components.Schemas)
		}
	}
}

// requireFields goes by the names of operations and schemas: Vault loses the references to the schemas of a plugin.
func requireFields(t *testing.T, name string, operation *openapi3.Operation, schemas openapi3.Schemas) {
	t.Helper()
	answer := operation.Responses.Status(http.StatusOK)
	if answer == nil {
		require.NotNil(t, operation.Responses.Status(http.StatusNoContent), name)
		return
	}
	if operation.OperationID == "itwin-read-metrics" { // answers with text
		return
	}
	response := schemas[schemaName(operation.OperationID)+"Response"]
	require.NotNil(t, response, name)
	require.NotEmpty(t, response.Value.Properties, name)
	for field, schema := range response.Value.Properties {
		require.NotEmptyf(t, schema.Value.Description, "%s: %s", name, field)
		require.NotEmptyf(t, schema.Value.Type, "%s: %s", name, field)
	}
}

// schemaName is how Vault's framework makes ItwinReadToken of itwin-read-token.
func schemaName(operationID string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(operationID, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}
