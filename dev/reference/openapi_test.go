package reference_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/reference"
)

// TestOpenAPIDocumentDescribesEveryFieldOfEveryAnswer needs no Vault; dev/e2e asks one for the same document.
func TestOpenAPIDocumentDescribesEveryFieldOfEveryAnswer(t *testing.T) {
	t.Parallel()
	text, err := reference.OpenAPI(t.Context(), "itwin")
	require.NoError(t, err)
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
