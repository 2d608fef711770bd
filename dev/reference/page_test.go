// Package reference writes docs/configuration.md from the schema of the plugin's paths. It needs no Vault.
package reference

import (
	"bytes"
	"flag"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	itwin "vault-plugin-secrets-itwin"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew") //nolint:gochecknoglobals // as package flag has it

// TestPageIsWhatTheSchemaSays goes by the backend's paths. Its OpenAPI document says less: not which fields of an answer are
// always there, nor what a create does where there is an update as well.
func TestPageIsWhatTheSchemaSays(t *testing.T) {
	t.Parallel()
	backend, err := itwin.Factory(t.Context(), &logical.BackendConfig{})
	require.NoError(t, err)
	paths := reflect.ValueOf(backend).Elem().FieldByName("Backend").Interface().(*framework.Backend).Paths
	requireDefaultsInHelp(t, paths)

	page := template.New("configuration.md.tmpl").Funcs(template.FuncMap{"markdown": markdown})
	var said bytes.Buffer
	require.NoError(t, template.Must(page.ParseFiles(page.Name())).Execute(&said, sectionsOf(paths)))
	requireEveryField(t, said.String(), paths)
	const path = "../../docs/configuration.md"
	if *update {
		require.NoError(t, os.WriteFile(path, said.Bytes(), 0o644))
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(said.Bytes(), written), "the schema says something else: run make docs")
}

// requireDefaultsInHelp wants them in descriptions too: vault path-help shows nothing else of a default.
func requireDefaultsInHelp(t *testing.T, paths []*framework.Path) {
	t.Helper()
	for _, path := range paths {
		for name, schema := range path.Fields {
			if schema.Default != nil {
				require.Contains(t, schema.Description, defaultSentence(schema), name)
			}
		}
	}
}

// requireEveryField looks for the fields of all requests and answers in the section of their path.
func requireEveryField(t *testing.T, page string, paths []*framework.Path) {
	t.Helper()
	for _, path := range paths {
		_, section, found := strings.Cut(page, "\n## "+sectionName(path)+"\n")
		require.True(t, found, path.Pattern)
		section, _, _ = strings.Cut(section, "\n## ")
		names := slices.Collect(maps.Keys(path.Fields))
		for _, operation := range path.Operations {
			for _, response := range operation.Properties().Responses[http.StatusOK] {
				names = slices.AppendSeq(names, maps.Keys(response.Fields))
			}
		}
		for _, name := range names {
			require.Contains(t, section, "`"+name+"`", path.Pattern)
		}
	}
}

// sectionName is the word that a path begins with.
func sectionName(path *framework.Path) string {
	return regexp.MustCompile(`^\w+`).FindString(path.Pattern)
}

// section is what the page says of the paths that begin with one word, such as config and config/<app>.
type section struct {
	Name       string
	Synopsis   string
	Paths      []string
	Operations []operation
	Fields     []field
	Answers    []answer
}

func sectionsOf(paths []*framework.Path) []*section {
	var names []string
	grouped := make(map[string][]*framework.Path)
	for _, path := range paths {
		name := sectionName(path)
		if grouped[name] == nil {
			names = append(names, name)
		}
		grouped[name] = append(grouped[name], path)
	}
	var all []*section
	for _, name := range names {
		all = append(all, newSection(name, grouped[name]))
	}
	return all
}

// newSection takes the paths in the plugin's order: each has the fields of those before it. What they have in common stands
// in the section once, for the first.
func newSection(name string, paths []*framework.Path) *section {
	s := &section{Name: name}
	for _, path := range paths {
		if path.Operations[logical.ListOperation] == nil {
			s.Paths = append(s.Paths, shown(path))
			s.Synopsis = path.HelpSynopsis
			s.Fields = fieldsOf(path)
		}
	}
	for _, how := range calls() {
		at := slices.IndexFunc(paths, func(path *framework.Path) bool { return path.Operations[how.operation] != nil })
		if at >= 0 {
			s.Operations = append(s.Operations, newOperation(how, paths[at]))
			s.addAnswer(how.operation, paths[at])
		}
	}
	return s
}

// shown is a path as people write it, such as config/<app>.
func shown(path *framework.Path) string {
	return strings.TrimRight(regexp.MustCompile(`\(\?P(<\w+>)\.\+\)`).ReplaceAllString(path.Pattern, "$1"), "/?$")
}

// markdown turns the plain text of a schema into Markdown. It takes for code what is typed or sent as it stands: addresses,
// paths, fields with their values, and names that can't be words.
func markdown(text string) string {
	const code = `https?://[\w./-]*\w|[\w/]*<\w+>[\w/]*|\b[a-z_]+=[@\w.-]*\w|\b[a-z]+(?:_[a-z]+)+\b`
	return regexp.MustCompile(code+"|[|<*`\\[]").ReplaceAllStringFunc(text, func(found string) string {
		if len(found) == 1 {
			return `\` + found
		}
		return "`" + found + "`"
	})
}
