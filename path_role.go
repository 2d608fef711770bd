package itwin

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const (
	rolePrefix = "role/"
	keyName    = "name"
)

const roleSynopsis = `Configure the app and the scopes that tokens are minted for.`

const roleDescription = `
A role gives readers a token with the role's own scopes, at a path that a policy can name:
a policy on token/<name> grants access to that role's tokens and no others.

    $ vault write itwin/role/viewer scopes=itwin-platform
    $ vault write itwin/role/survey app=survey

app is the app whose credentials are used (default: the one at config). scopes are the
token's scopes (default: the app's). Roles with the same app and scopes share one token.
The app's config can limit which roles may use it (allowed_roles).

Next: vault read itwin/token/viewer`

const roleListSynopsis = `List the roles.`

const roleListDescription = `
Lists the names of the roles.

    $ vault list itwin/role

Next: vault read itwin/role/<name>`

func (b *backend) pathsRole() []*framework.Path {
	return []*framework.Path{
		b.listPath(rolePrefix, "roles", roleListSynopsis, roleListDescription, describeRole),
		withHelp(&framework.Path{
			Pattern:        rolePrefix + nameRegex(keyName),
			Fields:         roleFields(),
			ExistenceCheck: b.roleExists,
			Operations:     b.roleOperations(),
		}, roleSynopsis, roleDescription),
	}
}

func roleFields() schemas {
	return schemas{
		keyName: {
			Type: framework.TypeString, Required: true,
			Description: "Name of the role: letters, digits and underscores, with dots, dashes and @ in between, 128 characters at most.",
		},
		keyApp: {
			Type: framework.TypeString,
			Description: "Name of the app whose credentials are used, as in config/<app>; the app can be configured later." +
				" Empty for the default app.",
		},
		keyScopes: {
			Type:        framework.TypeCommaStringSlice,
			Description: "Scopes of the tokens, separated by spaces or commas or as a list. Empty for the app's." + scopesRule,
		},
	}
}

func (b *backend) roleOperations() operations {
	change := func(callback framework.OperationFunc, summary, verb, done string) *framework.PathOperation {
		return writeOperation(callback, summary, verb, "role", done)
	}
	const stored = "The role is stored."
	return operations{
		logical.CreateOperation: change(b.writeRole, "Create the role.", "write", stored),
		logical.UpdateOperation: change(b.writeRole, "Change the given fields.", "write", stored),
		logical.PatchOperation:  change(b.writeRole, "Change the given fields; null resets a field to its default.", "patch", stored),
		logical.DeleteOperation: change(b.deleteRole, "Delete the role.", "delete", "The role is deleted."),
		logical.ReadOperation: readOperation(b.readRole, "Read the role.", "read", "role", "The role.", schemas{
			keyApp:    {Type: framework.TypeString, Required: true, Description: "Name of the app; empty for the default app."},
			keyScopes: {Type: framework.TypeString, Required: true, Description: "Scopes of the tokens; empty for the app's." + asWritten},
		}),
	}
}

func (b *backend) roleExists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	entry, err := req.Storage.Get(ctx, roleKey(roleName(d)))
	if err != nil {
		return false, fmt.Errorf("reading role: %w", err)
	}
	return entry != nil, nil
}

func (b *backend) readRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	r, err := loadRole(ctx, req.Storage, roleName(d))
	if err != nil {
		return answer(err)
	}
	if r == nil {
		return nil, nil // Vault answers 404
	}
	return &logical.Response{Data: map[string]any{keyApp: r.App, keyScopes: r.Shown}}, nil
}

// describeRole returns what a detailed list shows about a role.
func describeRole(ctx context.Context, s logical.Storage, name string) map[string]any {
	r, err := loadRole(ctx, s, name)
	if err != nil || r == nil {
		return nil
	}
	return map[string]any{keyApp: r.App, keyScopes: r.Shown}
}

func (b *backend) writeRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := roleName(d)
	unlock, err := b.writes.Acquire(ctx, roleKey(name))
	if err != nil {
		return answer(fmt.Errorf("waiting for another write of the role: %w", err))
	}
	defer unlock()
	r, err := roleToChange(ctx, req, name)
	if err != nil {
		return answer(err)
	}
	if err := r.change(d.Raw); err != nil {
		return answer(err)
	}
	if err := storeRole(ctx, req.Storage, name, r); err != nil {
		return answer(err)
	}
	b.roles.Forget(name)
	b.log.Info("role written", "role", name, "config", configKey(r.App), "scopes", r.Scopes.String())
	b.event(eventRoleWrite, req.Path, keyScopes, r.Scopes.String())
	return roleWarnings(ctx, req, name, r), nil
}

// roleWarnings warns about an app that the role can't use yet, since either of the two
// may be written first.
func roleWarnings(ctx context.Context, req *logical.Request, name string, r *role) *logical.Response {
	c, err := loadConfig(ctx, req.Storage, r.App)
	resp := &logical.Response{}
	switch {
	case err != nil:
		return nil // Vault answers 204; a reader of the role gets the error
	case c == nil:
		resp.AddWarning(fmt.Sprintf("%s isn't configured yet: run `vault write %s%s client_id=… client_secret=…`",
			describeApp(r.App), req.MountPoint, configKey(r.App)))
	case !c.allowsRole(name):
		resp.AddWarning(errRoleNotAllowed(req.MountPoint, name, r.App).Error())
	default:
		return nil
	}
	return resp
}

func (b *backend) deleteRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := roleName(d)
	unlock, err := b.writes.Acquire(ctx, roleKey(name))
	if err != nil {
		return answer(fmt.Errorf("waiting for a write of the role: %w", err))
	}
	defer unlock()
	if err := req.Storage.Delete(ctx, roleKey(name)); err != nil {
		return answer(fmt.Errorf("deleting role: %w", err))
	}
	b.roles.Forget(name)
	b.tallies.forgetRole(name)
	b.log.Info("role deleted", "role", name)
	b.event(eventRoleDelete, req.Path)
	return nil, nil // Vault answers 204
}
