package reference

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// call is how one of a path's operations is reached from outside. A policy's capability has the operation's name.
type call struct {
	operation logical.Operation
	command   string
	method    string
}

// calls are in the order of the page.
func calls() []call {
	return []call{
		{logical.CreateOperation, "write", http.MethodPost},
		{logical.ReadOperation, "read", http.MethodGet},
		{logical.UpdateOperation, "write", http.MethodPost},
		{logical.PatchOperation, "patch", http.MethodPatch},
		{logical.DeleteOperation, "delete", http.MethodDelete},
		{logical.ListOperation, "list", "LIST"},
	}
}

// operation is a row of a section's first table.
type operation struct {
	Summary    string
	Command    string
	Method     string
	Capability string
	path       string
}

func newOperation(c call, m member) operation {
	words := slices.Concat([]string{"vault", c.command}, flags(c, m.Path), []string{mount + "/" + m.shown}, arguments(c, m.Path))
	return operation{
		Summary:    m.Operations[c.operation].Properties().Summary,
		Command:    strings.Join(words, " "),
		Method:     c.method,
		Capability: string(c.operation),
		path:       m.shown,
	}
}

// same says whether two operations differ in their paths alone.
func (o operation) same(other operation) bool {
	other.Command = strings.Replace(other.Command, mount+"/"+other.path, mount+"/"+o.path, 1)
	other.path = o.path
	return o == other
}

// flags are those without which the command fails, or shows an answer that nobody can read.
func flags(c call, path *framework.Path) []string {
	var all []string
	if c.command == "write" && len(given(path)) == 0 {
		all = append(all, "-f")
	}
	for _, response := range path.Operations[c.operation].Properties().Responses[http.StatusOK] {
		switch {
		case response.MediaType != "":
			all = append(all, "-format=raw")
		case c.operation == logical.ListOperation: // it prints names; -detailed asks for more
		case slices.ContainsFunc(slices.Collect(maps.Values(response.Fields)), nested):
			all = append(all, "-format=yaml")
		}
	}
	return all
}

// arguments are the fields that are required, or else a sign that fields are to be given.
func arguments(c call, path *framework.Path) []string {
	if c.command != "write" && c.command != "patch" {
		return nil
	}
	var required []string
	names := given(path)
	for _, name := range names {
		if path.Fields[name].Required {
			required = append(required, assignment(name, path.Fields[name]))
		}
	}
	_, created := path.Operations[logical.CreateOperation]
	first := c.operation == logical.CreateOperation || !created
	switch {
	case len(required) > 0 && first:
		return required
	case len(names) == 1:
		return []string{assignment(names[0], path.Fields[names[0]])}
	case len(names) > 1:
		return []string{"<field>=…"}
	}
	return nil
}

// assignment keeps what is secret out of the shell's history.
func assignment(name string, schema *framework.FieldSchema) string {
	if schema.DisplayAttrs != nil && schema.DisplayAttrs.Sensitive {
		return name + "=@file"
	}
	return name + "=…"
}

// given are the names of the fields that aren't in the path.
func given(path *framework.Path) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(path.Fields)) {
		if !inPath(path, name) {
			names = append(names, name)
		}
	}
	return names
}
