package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"vault-plugin-secrets-itwin/internal/secret"
)

// TestYAMLShowsNoSecret is here because the product has no YAML, and so no encoder to test with.
func TestYAMLShowsNoSecret(t *testing.T) {
	t.Parallel()
	text := secret.New(clientSecret)
	encoded, err := yaml.Marshal(map[string]any{"value": text, "pointer": &text, "list": []secret.Text{text}})
	require.NoError(t, err)
	require.YAMLEq(t, "value: '[redacted]'\npointer: '[redacted]'\nlist: ['[redacted]']\n", string(encoded))
}
