package reference_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	itwin "vault-plugin-secrets-itwin"
	"vault-plugin-secrets-itwin/dev/reference"
)

// TestPageHasEveryFieldOfEveryPath goes by the plugin's OpenAPI document, of which the page takes but the names of paths.
// Defaults are in the descriptions as well, for those who read them in vault path-help.
func TestPageHasEveryFieldOfEveryPath(t *testing.T) {
	t.Parallel()
	page, err := reference.Page(t.Context())
	require.NoError(t, err)
	backend, err := itwin.Factory(t.Context(), &logical.BackendConfig{})
	require.NoError(t, err)
	help, err := backend.HandleRequest(t.Context(), &logical.Request{Operation: logical.HelpOperation})
	require.NoError(t, err)
	document := help.Data["openapi"].(*framework.OASDocument)
	require.NotEmpty(t, document.Paths)
	for pattern, item := range document.Paths {
		name, _, _ := strings.Cut(strings.Trim(pattern, "/"), "/")
		_, section, found := strings.Cut(string(page), "\n## "+name+"\n")
		require.True(t, found, "there is no section %s", name)
		section, _, _ = strings.Cut(section, "\n## ")
		for field, schema := range fieldsOf(item, document.Components.Schemas) {
			require.Contains(t, section, "`"+field+"`", pattern)
			if schema.Default != nil {
				value := strings.Trim(fmt.Sprint(schema.Default), "[]") // a list is typed without brackets
				require.Regexp(t, ` Default: `+regexp.QuoteMeta(value)+`\.$`, schema.Description, field)
			}
		}
	}
}

// fieldsOf are all that can be asked for and answered at a path, by name.
func fieldsOf(item *framework.OASPathItem, schemas map[string]*framework.OASSchema) map[string]*framework.OASSchema {
	fields := make(map[string]*framework.OASSchema)
	parameters := item.Parameters
	var bodies []framework.OASContent
	for _, operation := range []*framework.OASOperation{item.Get, item.Post, item.Patch, item.Delete} {
		if operation == nil {
			continue
		}
		parameters = append(parameters, operation.Parameters...)
		if operation.RequestBody != nil {
			bodies = append(bodies, operation.RequestBody.Content)
		}
		for _, response := range operation.Responses {
			bodies = append(bodies, response.Content)
		}
	}
	for _, parameter := range parameters {
		if parameter.Name != "list" { // it stands for the method LIST
			parameter.Schema.Description = parameter.Description
			fields[parameter.Name] = parameter.Schema
		}
	}
	for _, content := range bodies {
		if body := content["application/json"]; body != nil {
			schema := schemas[strings.TrimPrefix(body.Schema.Ref, "#/components/schemas/")]
			maps.Copy(fields, schema.Properties)
		}
	}
	return fields
}
