package itwin

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// scopesRule is what ims.ParseScopes refuses, for those who would ask for it.
const scopesRule = " openid, email, profile, organization and offline_access are refused: they are for people."

// checkFields refuses values of a wrong type before the framework does, whose
// texts repeat the value: it may be a secret. It also refuses unknown fields of
// configs and roles, where a mistyped name must not pass for a change.
func (b *backend) checkFields(req *logical.Request) error {
	path := b.Route(req.Path)
	if path == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(req.Data)) {
		schema := path.Fields[name]
		if schema == nil {
			if err := unknownField(req, path, name); err != nil {
				return err
			}
			continue
		}
		d := framework.FieldData{Raw: map[string]any{name: req.Data[name]}, Schema: path.Fields}
		if d.Validate() != nil {
			return errField(name, "must be "+kind(schema.Type))
		}
	}
	return nil
}

func unknownField(req *logical.Request, path *framework.Path, name string) error {
	stores := strings.HasPrefix(req.Path, configStorageKey) || strings.HasPrefix(req.Path, rolePrefix)
	switch req.Operation {
	case logical.CreateOperation, logical.UpdateOperation, logical.PatchOperation:
		if stores {
			return errInput("unknown field %.40q: the fields are %s", name, strings.Join(bodyFields(path), ", "))
		}
	default:
	}
	return nil
}

// bodyFields are the names of the fields that aren't parts of the path.
func bodyFields(path *framework.Path) []string {
	inPath := regexp.MustCompile(path.Pattern).SubexpNames()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(path.Fields)), func(name string) bool {
		return slices.Contains(inPath, name)
	})
}

// kind describes a field type to whoever typed something else.
func kind(t framework.FieldType) string {
	switch t {
	case framework.TypeBool:
		return "true or false"
	case framework.TypeDurationSecond:
		return "a duration such as 90s, 30m or 1h, not negative"
	default:
		return "text"
	}
}
