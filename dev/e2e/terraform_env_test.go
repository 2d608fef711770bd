package e2e

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// terraform does to Vault what Terraform and the Vault provider do with an example, neither of which can be built here. It
// evaluates the example's own expressions, and writes and reads as the provider's resources do. Resources come in the order
// in which the example has them, each after those it refers to.
type terraform struct {
	*env

	body      *hclsyntax.Body
	variables map[string]cty.Value
}

// resource is one with its attributes evaluated.
type resource struct {
	kind       string
	attributes map[string]cty.Value
}

func newTerraform(e *env, source string, variables map[string]cty.Value) *terraform {
	e.t.Helper()
	file, diagnostics := hclsyntax.ParseConfig([]byte(source), "main.tf", hcl.InitialPos)
	require.False(e.t, diagnostics.HasErrors(), diagnostics.Error())
	return &terraform{env: e, body: file.Body.(*hclsyntax.Body), variables: variables}
}

// resources are those of the kinds given, or all of them.
func (f *terraform) resources(kinds ...string) []resource {
	f.t.Helper()
	scope := &hcl.EvalContext{Functions: terraformFunctions(), Variables: map[string]cty.Value{"var": cty.ObjectVal(f.variables)}}
	known := make(map[string]map[string]cty.Value)
	var found []resource
	for _, block := range f.body.Blocks {
		if block.Type != "resource" {
			continue
		}
		kind, attributes := block.Labels[0], make(map[string]cty.Value)
		for name, attribute := range block.Body.Attributes {
			attributes[name] = evaluate(f.t, attribute.Expr, scope)
		}
		if known[kind] == nil {
			known[kind] = make(map[string]cty.Value)
		}
		known[kind][block.Labels[1]] = cty.ObjectVal(attributes)
		scope.Variables[kind] = cty.ObjectVal(known[kind])
		if len(kinds) == 0 || slices.Contains(kinds, kind) {
			found = append(found, resource{kind, attributes})
		}
	}
	require.NotEmpty(f.t, found)
	return found
}

// terraformFunctions are those of Terraform's that examples and the page use.
func terraformFunctions() map[string]function.Function {
	return map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc, "merge": stdlib.MergeFunc}
}

func evaluate(t *testing.T, expression hclsyntax.Expression, scope *hcl.EvalContext) cty.Value {
	t.Helper()
	value, diagnostics := expression.Value(scope)
	require.False(t, diagnostics.HasErrors(), diagnostics.Error())
	return value
}

// text is an attribute that is a string.
func (r resource) text(name string) string { return r.attributes[name].AsString() }

func (r resource) texts(t *testing.T, name string) (list []string) {
	t.Helper()
	encoded, err := ctyjson.Marshal(r.attributes[name], r.attributes[name].Type())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(encoded, &list))
	return list
}

// data is what vault_generic_endpoint writes.
func (r resource) data(t *testing.T) fields {
	t.Helper()
	var data fields
	require.NoError(t, json.Unmarshal([]byte(r.text("data_json")), &data))
	return data
}

// apply creates the resources, or writes them once more.
func (f *terraform) apply(kinds ...string) {
	f.t.Helper()
	for _, r := range f.resources(kinds...) {
		switch r.kind {
		case "vault_mount":
			f.applyMount(r)
		case "vault_policy":
			require.NoError(f.t, f.root.Sys().PutPolicy(r.text("name"), r.text("policy")))
		case "vault_generic_endpoint":
			f.mustWrite(r.text("path"), r.data(f.t))
		default:
			require.Failf(f.t, "unknown resource", "%s", r.kind)
		}
	}
}

func (f *terraform) applyMount(r resource) {
	f.t.Helper()
	mounts, err := f.root.Sys().ListMountsWithContext(context.Background())
	require.NoError(f.t, err)
	if _, there := mounts[r.text("path")+"/"]; there {
		return
	}
	require.NoError(f.t, f.root.Sys().Mount(r.text("path"), &api.MountInput{
		Type: r.text("type"), Description: r.text("description"),
		Config: api.MountConfigInput{
			AuditNonHMACRequestKeys:  r.texts(f.t, "audit_non_hmac_request_keys"),
			AuditNonHMACResponseKeys: r.texts(f.t, "audit_non_hmac_response_keys"),
		},
	}))
}

// requireNoDrift reads every endpoint as a plan does, and compares.
func (f *terraform) requireNoDrift() {
	f.t.Helper()
	for _, r := range f.resources("vault_generic_endpoint") {
		require.True(f.t, r.attributes["ignore_absent_fields"].True())
		require.Empty(f.t, f.drift(r.text("path"), r.data(f.t)))
	}
}

// drift are the fields that read back otherwise than they were written. With ignore_absent_fields, the provider takes each
// field that Vault returns for the one in the code, and leaves out what Vault doesn't return; it compares both as JSON.
func (e *env) drift(path string, written fields) []string {
	e.t.Helper()
	var drifted []string
	read := e.mustRead(path).Data
	for _, field := range slices.Sorted(maps.Keys(written)) {
		if value, there := read[field]; there && asJSON(e.t, value) != asJSON(e.t, written[field]) {
			drifted = append(drifted, field+" = "+asJSON(e.t, written[field])+" reads back as "+asJSON(e.t, value))
		}
	}
	return drifted
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

// destroy deletes in the opposite order.
func (f *terraform) destroy() {
	f.t.Helper()
	all := f.resources()
	slices.Reverse(all)
	for _, r := range all {
		switch r.kind {
		case "vault_mount":
			require.NoError(f.t, f.root.Sys().Unmount(r.text("path")))
		case "vault_policy":
			require.NoError(f.t, f.root.Sys().DeletePolicy(r.text("name")))
		case "vault_generic_endpoint":
			f.mustDelete(r.text("path"))
			f.mustMiss(r.text("path"))
		}
	}
}
