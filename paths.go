package itwin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/input"
)

// maxName is the longest name of an app or a role, in characters.
const maxName = 128

const nameRule = "must consist of letters, digits and underscores, with dots and dashes in between but never two dots in a row"

// What Vault's paths and storage take. Policies can be templated by the name of an
// entity's alias, which is often an e-mail address: so roles may have an @.
var (
	appNames  = regexp.MustCompile(`^\w([\w.-]*\w)?$`)
	roleNames = regexp.MustCompile(`^\w([\w.@-]*\w)?$`)
)

// nameRegex matches whatever stands where a path has the name of an app or a role.
// checkFields refuses what isn't a name: the caller learns what a name is, where a
// stricter pattern would have Vault answer "unsupported path".
func nameRegex(key string) string { return "(?P<" + key + ">.+)" }

// checkAppName returns an error that completes a sentence.
func checkAppName(name string) error { return checkName(name, appNames, nameRule) }

func checkRoleName(name string) error {
	return checkName(name, roleNames, strings.Replace(nameRule, "dots and dashes", "dots, dashes and @", 1))
}

func checkName(name string, allowed *regexp.Regexp, rule string) error {
	switch {
	case len(name) > maxName:
		return fmt.Errorf("must be at most %d characters long", maxName)
	case !allowed.MatchString(name), strings.Contains(name, ".."): // storage refuses two dots
		return errors.New(rule)
	}
	return nil
}

// checkPathName checks the name that a path ends in.
func checkPathName(req *logical.Request) error {
	first, name, named := strings.Cut(req.Path, "/")
	if !named || req.Operation == logical.ListOperation || req.Operation == logical.HelpOperation {
		return nil
	}
	if first+"/" == configPrefix {
		if err := checkAppName(name); err != nil {
			return errInput("the app's name in the path %s", err)
		}
		return nil
	}
	if err := checkRoleName(name); err != nil {
		return errInput("the role's name in the path %s", err)
	}
	return nil
}

// ruleOf returns the rule of a field's text, which is the same on every path.
func ruleOf(name string) input.Text {
	if name == keyToken {
		return input.Text{File: true} // introspect judges a token as it was pasted
	}
	for _, f := range configFields() {
		if f.name == name {
			return f.rule
		}
	}
	return input.Text{}
}

// command returns the CLI's word for an operation, or an empty string for Vault's own
// operations, such as help and rollback.
func command(op logical.Operation) string {
	switch op {
	case logical.ReadOperation:
		return "read"
	case logical.CreateOperation, logical.UpdateOperation:
		return "write -f"
	case logical.PatchOperation:
		return "patch"
	case logical.DeleteOperation:
		return "delete"
	case logical.ListOperation:
		return "list"
	default:
		return ""
	}
}

// checkRoute refuses a path or an operation that isn't there and says what to type:
// Vault's own 404 has no text that the CLI would show.
func checkRoute(req *logical.Request, path *framework.Path) error {
	wanted := command(req.Operation)
	if wanted == "" {
		return nil
	}
	if path == nil {
		return errInput("there is no path %s%.40s: tokens are at %[1]stoken and %[1]stoken/<role>; run `vault path-help %[3]s` for all paths",
			req.MountPoint, req.Path, strings.TrimSuffix(req.MountPoint, "/"))
	}
	var possible []string
	for op := range path.Operations {
		if command(op) == wanted {
			return nil
		}
		possible = append(possible, fmt.Sprintf("`vault %s %s%s`", command(op), req.MountPoint, req.Path))
	}
	slices.Sort(possible)
	return &unsupportedError{command: wanted, path: req.MountPoint + req.Path, possible: slices.Compact(possible)}
}

// checkFields checks the path and the name in it, and turns each value into what was meant:
// a string, a []string, a bool, a number of seconds, or nil for the default. It
// comes before the framework, whose errors quote values, and whose zero value for
// an empty text switches things off. It also refuses unknown fields of configs and
// roles, so that a mistyped name doesn't pass for a change.
func (b *backend) checkFields(req *logical.Request) error {
	path := b.Route(req.Path)
	if err := checkRoute(req, path); err != nil || path == nil {
		return err
	}
	if err := checkPathName(req); err != nil {
		return err
	}
	data := make(map[string]any, len(req.Data))
	for _, name := range slices.Sorted(maps.Keys(req.Data)) {
		schema := path.Fields[name]
		if schema == nil {
			if err := unknownField(req, path, name); err != nil {
				return err
			}
			data[name] = req.Data[name]
			continue
		}
		value, err := readValue(name, schema.Type, req.Data[name])
		if err != nil {
			return errField(name, err.Error())
		}
		data[name] = value
	}
	req.Data = data
	return nil
}

func unknownField(req *logical.Request, path *framework.Path, name string) error {
	if name == keyRole && slices.Contains([]string{tokenPath, rotatePath, checkPath}, req.Path) {
		return errInput("the role is part of the path, not a field: use %s%s/<role>", req.MountPoint, req.Path)
	}
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

// bodyFields returns the names of the fields that aren't parts of the path.
func bodyFields(path *framework.Path) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(path.Fields)), func(name string) bool {
		return strings.Contains(path.Pattern, nameRegex(name))
	})
}

// readValue returns errors that complete a sentence and never quote the value.
func readValue(name string, kind framework.FieldType, raw any) (any, error) {
	if raw == nil {
		return nil, nil
	}
	switch kind {
	case framework.TypeBool:
		return input.Bool(raw)
	case framework.TypeDurationSecond:
		return input.Seconds(raw)
	default:
		return ruleOf(name).Read(raw)
	}
}

// schemas are the fields of a path or a response, by name.
type schemas = map[string]*framework.FieldSchema

// operations are what can be done with a path.
type operations = map[logical.Operation]framework.OperationHandler

// withHelp adds what every path has: its help, and its prefix in OpenAPI documents.
func withHelp(path *framework.Path, synopsis, description string) *framework.Path {
	path.HelpSynopsis, path.HelpDescription = synopsis, strings.TrimSpace(description)
	path.DisplayAttrs = &framework.DisplayAttributes{OperationPrefix: operationPrefix}
	return path
}

// readOperation returns an operation that answers 200 with fields; about describes
// them.
func readOperation(callback framework.OperationFunc, summary, verb, suffix, about string, fields schemas) *framework.PathOperation {
	return &framework.PathOperation{
		Callback:     callback,
		Summary:      summary,
		DisplayAttrs: &framework.DisplayAttributes{OperationVerb: verb, OperationSuffix: suffix},
		Responses:    map[int][]framework.Response{http.StatusOK: {{Description: about, Fields: fields}}},
	}
}

// info describes one entry of a list, or returns nil.
type info func(ctx context.Context, s logical.Storage, name string) map[string]any

// listPath lists the names below a storage prefix, which is the path's as well,
// and describes each for `vault list -detailed`.
func (b *backend) listPath(prefix, plural, synopsis, description string, describe info) *framework.Path {
	list := func(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
		names, err := req.Storage.List(ctx, prefix)
		if err != nil {
			return answer(fmt.Errorf("listing %s: %w", prefix, err))
		}
		about := make(map[string]any, len(names))
		for _, name := range names {
			if shown := describe(ctx, req.Storage, name); shown != nil {
				about[name] = shown
			}
		}
		return logical.ListResponseWithInfo(names, about), nil
	}
	all := "Names of the " + plural + "."
	return withHelp(&framework.Path{
		Pattern: prefix + "?$",
		Operations: operations{
			logical.ListOperation: readOperation(list, synopsis, "list", plural, all, schemas{
				"keys":     {Type: framework.TypeStringSlice, Required: true, Description: all},
				"key_info": {Type: framework.TypeMap, Description: "Details of each, by name; shown by vault list -detailed."},
			}),
		},
	}, synopsis, description)
}

// writeOperation returns an operation that changes storage, so Vault forwards it to
// the active node of the primary cluster, and that answers 204.
func writeOperation(callback framework.OperationFunc, summary, verb, suffix, done string) *framework.PathOperation {
	return &framework.PathOperation{
		Callback:                    callback,
		Summary:                     summary,
		DisplayAttrs:                &framework.DisplayAttributes{OperationVerb: verb, OperationSuffix: suffix},
		Responses:                   map[int][]framework.Response{http.StatusNoContent: {{Description: done}}},
		ForwardPerformanceStandby:   true,
		ForwardPerformanceSecondary: true,
	}
}
