package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsimple"
	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// terraform does to Vault what Terraform and the Vault provider do with an example, neither of which can be built here. It
// evaluates the example's own expressions, and writes and reads as the provider's resources do.
type terraform struct {
	*env

	resources []resource // each after those it refers to
}

// resource is one with its attributes evaluated.
type resource struct {
	Kind  string `hcl:"kind,label"`
	Label string `hcl:"label,label"`

	Path        string `hcl:"path,optional"`
	Type        string `hcl:"type,optional"`
	Description string `hcl:"description,optional"`

	ResponseKeys []string `hcl:"audit_non_hmac_response_keys,optional"`
	RequestKeys  []string `hcl:"audit_non_hmac_request_keys,optional"`

	IgnoreAbsent bool   `hcl:"ignore_absent_fields,optional"`
	Data         string `hcl:"data_json,optional"`

	Name   string `hcl:"name,optional"`
	Policy string `hcl:"policy,optional"`
}

func newTerraform(e *env, source string, variables map[string]cty.Value) *terraform {
	e.t.Helper()
	var module struct {
		Resources []resource `hcl:"resource,block"`
		Rest      hcl.Body   `hcl:",remain"`
	}
	itwin := cty.ObjectVal(map[string]cty.Value{"path": cty.StringVal(mount)})
	scope := &hcl.EvalContext{
		Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc, "merge": stdlib.MergeFunc},
		Variables: map[string]cty.Value{
			"var": cty.ObjectVal(variables), "vault_mount": cty.ObjectVal(map[string]cty.Value{"itwin": itwin}),
		},
	}
	require.NoError(e.t, hclsimple.Decode("main.hcl", []byte(source), scope, &module))
	return &terraform{env: e, resources: module.Resources}
}

// data is what vault_generic_endpoint writes.
func (r resource) data(t *testing.T) (data fields) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.Data), &data))
	return data
}

// apply creates the resources of some kinds, or writes them once more.
func (f *terraform) apply(kinds ...string) {
	f.t.Helper()
	for _, r := range f.resources {
		switch {
		case !slices.Contains(kinds, r.Kind):
		case r.Kind == "vault_mount":
			require.Equal(f.t, mount, r.Path)
			require.NoError(f.t, f.root.Sys().Mount(r.Path, &api.MountInput{
				Type: r.Type, Description: r.Description,
				Config: api.MountConfigInput{AuditNonHMACRequestKeys: r.RequestKeys, AuditNonHMACResponseKeys: r.ResponseKeys},
			}))
		case r.Kind == "vault_policy":
			require.NoError(f.t, f.root.Sys().PutPolicy(r.Name, r.Policy))
		default:
			f.mustWrite(r.Path, r.data(f.t))
		}
	}
}

// requireNoDrift reads every endpoint as a plan does, and compares.
func (f *terraform) requireNoDrift() {
	f.t.Helper()
	for _, r := range f.resources {
		if r.Kind == "vault_generic_endpoint" {
			require.True(f.t, r.IgnoreAbsent)
			require.Empty(f.t, f.drift(r.Path, r.data(f.t)))
		}
	}
}

// drift are the fields that read back otherwise than they were written. With ignore_absent_fields, the provider takes each
// field that Vault returns for the one in the code, and leaves out what Vault doesn't return; it compares both as JSON.
func (e *env) drift(path string, written fields) (drifted []string) {
	e.t.Helper()
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
