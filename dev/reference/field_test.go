package reference

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// field is a row of a table of fields.
type field struct {
	Name        string
	Type        string
	Default     string
	Need        string // what there is to know where there is no default
	Description string
}

// fieldsOf puts what is in the path first, then what is required.
func fieldsOf(path *framework.Path) []field {
	rank := func(name string) int {
		switch {
		case inPath(path, name):
			return 0
		case path.Fields[name].Required:
			return 1
		}
		return 2
	}
	names := slices.SortedFunc(maps.Keys(path.Fields), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	var all []field
	for _, name := range names {
		all = append(all, newField(path, name))
	}
	return all
}

// inPath says whether a field is a part of the path itself.
func inPath(path *framework.Path, name string) bool {
	return strings.Contains(path.Pattern, "(?P<"+name+">")
}

// defaultText is a default as it is typed: a list without brackets.
func defaultText(schema *framework.FieldSchema) string {
	return strings.Trim(fmt.Sprint(schema.Default), "[]")
}

func defaultSentence(schema *framework.FieldSchema) string {
	return " Default: " + defaultText(schema) + "."
}

// newField describes a field of the path's requests.
func newField(path *framework.Path, name string) field {
	schema, f := path.Fields[name], describe(name, path.Fields[name])
	if schema.Default != nil {
		f.Default = defaultText(schema)
		f.Description = strings.TrimSuffix(f.Description, defaultSentence(schema))
	}
	switch {
	case inPath(path, name):
		f.Type += ", in the path"
	case schema.Required && path.Operations[logical.CreateOperation] != nil:
		f.Need = "required at first"
	case schema.Required:
		f.Need = "required"
	case schema.Query && path.Operations[logical.UpdateOperation] != nil:
		f.Type += ", in the query or body"
	case schema.Query:
		f.Type += ", in the query"
	}
	return f
}

// describe puts a field's type and allowed values into words.
func describe(name string, schema *framework.FieldSchema) field {
	words := map[framework.FieldType]string{
		framework.TypeBool:             "boolean",
		framework.TypeDurationSecond:   "duration",
		framework.TypeInt:              "integer",
		framework.TypeInt64:            "integer",
		framework.TypeMap:              "object",
		framework.TypeSlice:            "list of objects",
		framework.TypeStringSlice:      "list of strings",
		framework.TypeCommaStringSlice: "list of strings",
	}
	var allowed []string
	for _, value := range schema.AllowedValues {
		allowed = append(allowed, fmt.Sprintf("`%v`", value))
	}
	kind := cmp.Or(words[schema.Type], schema.Type.String())
	if allowed != nil {
		kind += ": " + strings.Join(allowed, " or ")
	}
	return field{Name: name, Type: kind, Description: schema.Description}
}
