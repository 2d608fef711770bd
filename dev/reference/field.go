package reference

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// field is a row of a table of fields.
type field struct {
	Name        string
	Type        string
	Allowed     string // in Markdown, empty where any value will do
	Default     string
	Need        string // what there is to know where there is no default
	Description string
	rank        int
}

// newField describes a field of the path's requests.
func newField(path *framework.Path, name string) field {
	schema := path.Fields[name]
	f := describe(name, schema)
	f.rank = 2
	if schema.Default != nil {
		f.Default = defaultText(schema.Default)
		f.Description = strings.TrimSuffix(f.Description, defaultSentence(f.Default))
	}
	_, created := path.Operations[logical.CreateOperation]
	_, read := path.Operations[logical.ReadOperation]
	switch {
	case inPath(path, name):
		f.Type += ", in the path"
		f.rank = 0
	case schema.Required && created:
		f.Need = "required at first"
		f.rank = 1
	case schema.Required:
		f.Need = "required"
		f.rank = 1
	case schema.Query && read:
		f.Type += ", in the query"
		if path.Operations[logical.UpdateOperation] != nil {
			f.Type += " or body"
		}
	}
	return f
}

// defaultText is a default as it is typed: a list without brackets.
func defaultText(value any) string { return strings.Trim(fmt.Sprint(value), "[]") }

// defaultSentence ends the description of a field that has a default, for those who read it in vault path-help.
func defaultSentence(value string) string { return " Default: " + value + "." }

// compare puts what is in the path first, then what is required.
func (f field) compare(other field) int {
	return cmp.Or(cmp.Compare(f.rank, other.rank), cmp.Compare(f.Name, other.Name))
}

// inPath says whether a field is a part of the path itself.
func inPath(path *framework.Path, name string) bool {
	return strings.Contains(path.Pattern, "(?P<"+name+">")
}

func nested(schema *framework.FieldSchema) bool {
	return schema.Type == framework.TypeMap || schema.Type == framework.TypeSlice
}

func describe(name string, schema *framework.FieldSchema) field {
	allowed := make([]string, 0, len(schema.AllowedValues))
	for _, value := range schema.AllowedValues {
		allowed = append(allowed, fmt.Sprintf("`%v`", value))
	}
	return field{
		Name: name, Type: kind(schema.Type), Allowed: strings.Join(allowed, " or "), Description: schema.Description,
	}
}

// kind is a type in the words of whoever fills a field in.
func kind(t framework.FieldType) string {
	switch t {
	case framework.TypeBool:
		return "boolean"
	case framework.TypeDurationSecond:
		return "duration"
	case framework.TypeInt, framework.TypeInt64:
		return "integer"
	case framework.TypeMap:
		return "object"
	case framework.TypeSlice:
		return "list of objects"
	case framework.TypeStringSlice, framework.TypeCommaStringSlice:
		return "list of strings"
	default:
		return t.String()
	}
}
