package kubernetes

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// object is a Kubernetes object, or a part of one.
type object map[string]any

// examplePath is where a file of examples/ lies.
func examplePath(parts ...string) string {
	return filepath.Join(append([]string{"..", "..", "examples"}, parts...)...)
}

// example reads the objects of a file of examples/, with texts replaced in pairs. Each of these must be there.
func example(t *testing.T, path string, replace ...string) []object {
	t.Helper()
	text := readFile(t, examplePath(path))
	for i := 0; i < len(replace); i += 2 {
		require.Containsf(t, text, replace[i], "%s", path)
	}
	return objects(t, strings.NewReplacer(replace...).Replace(text))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func objects(t *testing.T, text string) []object {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var all []object
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, o)
	}
}

// ofKind finds an object by its kind.
func ofKind(t *testing.T, all []object, kind string) object {
	t.Helper()
	for _, o := range all {
		if o["kind"] == kind {
			return o
		}
	}
	require.Failf(t, "missing object", "no %s", kind)
	return nil
}

// at goes down by the keys of a path such as "spec.role"; each must be there.
func (o object) at(t *testing.T, path string) any {
	t.Helper()
	var value any = o
	for key := range strings.SplitSeq(path, ".") {
		within, ok := value.(object)
		require.Truef(t, ok, "%s: no object above %s", path, key)
		require.Containsf(t, within, key, "%s", path)
		value = within[key]
	}
	return value
}

func (o object) text(t *testing.T, path string) string {
	t.Helper()
	text, ok := o.at(t, path).(string)
	require.Truef(t, ok, "%s is no text", path)
	return text
}

func (o object) texts(t *testing.T, path string) []string {
	t.Helper()
	var texts []string
	for _, item := range o.at(t, path).([]any) {
		texts = append(texts, item.(string))
	}
	return texts
}

// path is where the API server has the object. The names of all kinds that the test has are regular.
func (o object) path(t *testing.T) string {
	t.Helper()
	group := "/apis/" + o.text(t, "apiVersion")
	if o.text(t, "apiVersion") == "v1" {
		group = "/api/v1"
	}
	if namespace, ok := o.at(t, "metadata").(object)["namespace"]; ok {
		group += "/namespaces/" + namespace.(string)
	}
	return group + "/" + strings.ToLower(o.text(t, "kind")) + "s/" + o.text(t, "metadata.name")
}

// apply does as `kubectl apply --server-side`. A kind that was defined a moment ago takes the API server a while.
func (c *cluster) apply(t *testing.T, all ...object) {
	t.Helper()
	for _, o := range all {
		text, err := yaml.Marshal(o)
		require.NoError(t, err)
		vaulttest.Wait(t, startTime, "the API server to take "+o.path(t), func() error {
			_, err := c.call(t, http.MethodPatch, o.path(t)+"?fieldManager=test&force=true", "application/apply-patch+yaml", text)
			return err
		})
	}
}
