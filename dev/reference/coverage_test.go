package reference_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	itwin "vault-plugin-secrets-itwin"
	"vault-plugin-secrets-itwin/dev/reference"
)

// TestPageHasEveryPathOperationAndField looks up all that the plugin's OpenAPI document says; the page is made from it only
// as far as the names of the paths go.
func TestPageHasEveryPathOperationAndField(t *testing.T) {
	t.Parallel()
	page, err := reference.Page(t.Context())
	require.NoError(t, err)
	document := documentOf(t)
	require.NotEmpty(t, document.Paths)
	for pattern, item := range document.Paths {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			r := &reader{t: t, section: sectionOf(t, plain(string(page)), pattern), schemas: document.Components.Schemas}
			shown := strings.NewReplacer("{", "<", "}", ">").Replace(strings.Trim(pattern, "/"))
			if strings.HasSuffix(pattern, "/") {
				r.requireRow("| vault list itwin/" + shown + " |")
			} else {
				require.Regexp(t, ` At (.* and )?`+regexp.QuoteMeta(shown)+`( and .*)?\.\n`, r.section)
			}
			for _, parameter := range item.Parameters {
				r.requireAsked(parameter.Name, parameter.Description, parameter.Schema)
			}
			for method, operation := range methods(pattern, item) {
				r.requireOperation(method, operation)
			}
			if item.CreateSupported {
				r.requireRow("| POST | create |")
			}
		})
	}
}

func documentOf(t *testing.T) *framework.OASDocument {
	t.Helper()
	backend, err := itwin.Factory(t.Context(), &logical.BackendConfig{})
	require.NoError(t, err)
	help, err := backend.HandleRequest(t.Context(), &logical.Request{Operation: logical.HelpOperation})
	require.NoError(t, err)
	return help.Data["openapi"].(*framework.OASDocument)
}

// methods are a path's operations by what a row says of them: HTTP's method and a policy's capability.
func methods(pattern string, item *framework.OASPathItem) map[string]*framework.OASOperation {
	all := map[string]*framework.OASOperation{
		"| GET | read |": item.Get, "| POST | update |": item.Post, "| PATCH | patch |": item.Patch, "| DELETE | delete |": item.Delete,
	}
	if strings.HasSuffix(pattern, "/") {
		all = map[string]*framework.OASOperation{"| LIST | list |": item.Get}
	}
	for method, operation := range all {
		if operation == nil {
			delete(all, method)
		}
	}
	return all
}

// plain is a text without the signs of Markdown.
func plain(text string) string { return strings.NewReplacer("`", "", `\`, "").Replace(text) }

// sectionOf is the part of the page under the heading of the pattern's first word.
func sectionOf(t *testing.T, page, pattern string) string {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
	_, section, found := strings.Cut(page, "\n## "+name+"\n")
	require.True(t, found, "there is no section %s", name)
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// reader looks things up in one section of the page.
type reader struct {
	t       *testing.T
	section string
	schemas map[string]*framework.OASSchema
}

func (r *reader) requireOperation(method string, operation *framework.OASOperation) {
	r.t.Helper()
	r.requireRow("| "+plain(operation.Summary)+" | vault ", method)
	for _, parameter := range operation.Parameters {
		if parameter.Name != "list" { // it stands for the method LIST
			r.requireAsked(parameter.Name, parameter.Description, parameter.Schema)
		}
	}
	if operation.RequestBody != nil {
		body := r.schema(operation.RequestBody.Content)
		for name, schema := range body.Properties {
			r.requireAsked(name, schema.Description, schema)
		}
		for _, name := range body.Required {
			r.requireRow("| "+name+" | ", " | required ")
		}
	}
	if response := operation.Responses[http.StatusOK]; response != nil {
		require.Contains(r.t, r.section, response.Description)
		for name, schema := range r.schema(response.Content).Properties {
			r.requireAnswered(name, plain(schema.Description))
		}
	}
}

// schema is empty for what isn't JSON.
func (r *reader) schema(content framework.OASContent) *framework.OASSchema {
	r.t.Helper()
	body := content["application/json"]
	if body == nil {
		return &framework.OASSchema{}
	}
	found := r.schemas[strings.TrimPrefix(body.Schema.Ref, "#/components/schemas/")]
	require.NotNil(r.t, found, body.Schema.Ref)
	return found
}

// requireAsked wants a field of requests with its default, the values allowed and its description.
func (r *reader) requireAsked(name, description string, schema *framework.OASSchema) {
	r.t.Helper()
	description = plain(description)
	cells := []string{"| " + name + " | "}
	if len(schema.Enum) > 0 {
		values := make([]string, len(schema.Enum))
		for i, value := range schema.Enum {
			values[i] = fmt.Sprint(value)
		}
		cells = append(cells, ": "+strings.Join(values, " or ")+" |")
	}
	if schema.Default != nil {
		value := strings.Trim(fmt.Sprint(schema.Default), "[]") // a list is typed without brackets
		sentence := " Default: " + value + "."
		require.True(r.t, strings.HasSuffix(description, sentence), "vault path-help doesn't say the default of %s", name)
		description = strings.TrimSuffix(description, sentence)
		cells = append(cells, " | "+plain(value)+" | ")
	}
	r.requireRow(append(cells, "| "+description+" |")...)
}

// requireAnswered wants a field of answers with its description, or a pointer to the request's.
func (r *reader) requireAnswered(name, description string) {
	r.t.Helper()
	if r.row("| "+name+" | ", "| "+description+" |") != "" {
		return
	}
	pointer := r.row("| "+name+" | ", "| As above.")
	if pointer == "" {
		require.Regexp(r.t, `As above:.* `+name+`[,.]`, r.section, "the answer's %s is missing", name)
	}
	_, rest, _ := strings.Cut(pointer, "As above.")
	description = strings.TrimSuffix(description, strings.TrimSuffix(rest, " |"))
	r.requireRow("| "+name+" | ", "| "+regexp.MustCompile(` Default: \S+\.$`).ReplaceAllString(description, "")+" |")
}

func (r *reader) requireRow(parts ...string) {
	r.t.Helper()
	require.NotEmpty(r.t, r.row(parts...), "no row of the page has %q", parts)
}

// row is the first line with all of the parts, empty if there is none.
func (r *reader) row(parts ...string) string {
	for line := range strings.Lines(r.section) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}
