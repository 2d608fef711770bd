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

const nameRule = "may contain letters, digits and underscores and, except at the ends, dashes and dots (never two dots in a row)"

// The names that Vault's paths and storage accept. Policies can be templated with the
// name of an entity alias, which is often an e-mail address, so role names may have an @.
var (
	appNames  = regexp.MustCompile(`^\w([\w.-]*\w)?$`)
	roleNames = regexp.MustCompile(`^\w([\w.@-]*\w)?$`)
)

// nameRegex matches anything in the place of an app's or a role's name. checkFields then
// refuses what isn't a name and explains why; with a stricter pattern, Vault would only
// say "unsupported path".
func nameRegex(key string) string { return "(?P<" + key + ">.+)" }

// checkAppName returns an error that completes a sentence.
func checkAppName(name string) error { return checkName(name, appNames, nameRule) }

func checkRoleName(name string) error {
	return checkName(name, roleNames, strings.Replace(nameRule, "dashes and dots", "dashes, @ and dots", 1))
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

// ruleOf returns the rule for a string field, which is the same on every path.
func ruleOf(name string) input.Text {
	if name == keyToken {
		return input.Text{File: true} // introspect reads a token as it was pasted
	}
	for _, f := range configFields() {
		if f.name == name {
			return f.rule
		}
	}
	return input.Text{}
}

// command returns the CLI command for an operation, or an empty string for Vault's own
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

// checkRoute refuses a path or an operation that doesn't exist and says what to type:
// Vault's own 404 has no text for the CLI to show.
func checkRoute(req *logical.Request, path *framework.Path) error {
	wanted := command(req.Operation)
	if wanted == "" {
		return nil
	}
	if path == nil {
		return errInput("there is no path %s%.40s: tokens are at %[1]stoken and %[1]stoken/<role>, apps at %[1]sconfig, roles at"+
			" %[1]srole/<name>; run `vault path-help %[3]s` for all paths", req.MountPoint, req.Path, strings.TrimSuffix(req.MountPoint, "/"))
	}
	var supported []string
	for op := range path.Operations {
		if command(op) == wanted {
			return nil
		}
		supported = append(supported, fmt.Sprintf("`vault %s %s%s`", command(op), req.MountPoint, req.Path+required(op, path)))
	}
	slices.Sort(supported)
	return &unsupportedError{command: wanted, path: req.MountPoint + req.Path, supported: slices.Compact(supported)}
}

// required returns the fields that an operation can't do without, to be typed.
func required(op logical.Operation, path *framework.Path) string {
	if !strings.HasPrefix(command(op), "write") {
		return ""
	}
	var fields strings.Builder
	for _, name := range bodyFields(path) {
		if path.Fields[name].Required {
			fields.WriteString(" " + name + "=…")
		}
	}
	return fields.String()
}

// checkFields checks the path and the name in it, and normalizes each value to a string,
// a []string, a bool, an int of seconds, or nil for the default. It runs before the
// framework, whose errors quote values, and which reads an empty string as a zero value,
// such as false. It also refuses unknown fields of configs and roles, so that a mistyped
// name isn't silently ignored.
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

// bodyFields returns the names of the fields that aren't part of the path.
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

// operations are the operations that a path supports.
type operations = map[logical.Operation]framework.OperationHandler

// withHelp adds a path's help and its prefix in OpenAPI documents.
func withHelp(path *framework.Path, synopsis, description string) *framework.Path {
	path.HelpSynopsis, path.HelpDescription = synopsis, strings.TrimSpace(description)
	path.DisplayAttrs = &framework.DisplayAttributes{OperationPrefix: operationPrefix}
	return path
}

// readOperation returns an operation that responds with status 200 and the fields, which
// about describes.
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

// listPath lists the names below prefix, in the path as well as in storage, and describes
// each for `vault list -detailed`.
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

// writeOperation returns an operation that changes storage and responds with status 204.
// Vault forwards it to the active node of the primary cluster.
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
