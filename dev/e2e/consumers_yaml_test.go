package e2e

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// node is a value in a YAML document.
type node struct{ value any }

// yamlDocuments reads the documents of an example's file.
func yamlDocuments(t *testing.T, parts ...string) []node {
	t.Helper()
	return decodeYAML(t, readExample(t, parts...))
}

func decodeYAML(t *testing.T, text string) (documents []node) {
	t.Helper()
	for decoder := yaml.NewDecoder(strings.NewReader(text)); ; {
		var value any
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return documents
		}
		require.NoError(t, err)
		documents = append(documents, node{value})
	}
}

// ofKind finds a Kubernetes object.
func ofKind(t *testing.T, documents []node, kind string) node {
	t.Helper()
	for _, document := range documents {
		if document.at(t, "kind").text(t) == kind {
			return document
		}
	}
	require.Failf(t, "missing object", "no %s", kind)
	return node{}
}

// at goes down by keys and indexes; each must be there.
func (n node) at(t *testing.T, steps ...any) node {
	t.Helper()
	for _, step := range steps {
		switch key := step.(type) {
		case string:
			object, _ := n.value.(map[string]any)
			require.Containsf(t, object, key, "%v", steps)
			n = node{object[key]}
		case int:
			list, _ := n.value.([]any)
			require.Greaterf(t, len(list), key, "%v", steps)
			n = node{list[key]}
		}
	}
	return n
}

func (n node) text(t *testing.T) string {
	t.Helper()
	text, ok := n.value.(string)
	require.Truef(t, ok, "%v is %T, not a string", n.value, n.value)
	return text
}

func (n node) texts(t *testing.T) (texts []string) {
	t.Helper()
	for i := range n.value.([]any) {
		texts = append(texts, n.at(t, i).text(t))
	}
	return texts
}
