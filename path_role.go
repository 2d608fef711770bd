package itwin

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const (
	rolePrefix = "role/"
	keyName    = "name"
)

const roleSynopsis = `Say which app and which scopes tokens are minted for.`

const roleDescription = `
A role gives readers a token with the role's own scopes, under a path that a policy can name:
who may read token/<name> gets that role's tokens and no others.

    $ vault write itwin/role/viewer scopes=itwin-platform
    $ vault write itwin/role/survey app=survey

app is the app whose credentials are used (default: the one at config). scopes are the
token's scopes (default: the app's). Roles with the same app and scopes share one token.

Next: vault read itwin/token/viewer`

const roleListSynopsis = `List the roles.`

const roleListDescription = `
Lists the names of the roles.

    $ vault list itwin/role

Next: vault read itwin/role/<name>`

func (b *backend) pathsRole() []*framework.Path {
	return []*framework.Path{
		b.listPath(rolePrefix, "roles", roleListSynopsis, roleListDescription),
		{
			Pattern:         rolePrefix + framework.GenericNameRegex(keyName),
			Fields:          roleFields(),
			ExistenceCheck:  b.roleExists,
			HelpSynopsis:    roleSynopsis,
			HelpDescription: strings.TrimSpace(roleDescription),
			DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: operationPrefix},
			Operations:      b.roleOperations(),
		},
	}
}

func roleFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		keyName: {
			Type: framework.TypeString, Required: true,
			Description: "Name of the role: letters, digits and underscores, with dots and dashes in between.",
		},
		keyApp: {
			Type: framework.TypeString,
			Description: "Name of the app whose credentials are used, as in config/<app>; it may be configured later." +
				" Empty for the default app.",
		},
		keyScopes: {
			Type:        framework.TypeString,
			Description: "Scopes of the tokens, separated by spaces or commas. Empty for the app's." + scopesRule,
		},
	}
}

func (b *backend) roleOperations() map[logical.Operation]framework.OperationHandler {
	change := func(callback framework.OperationFunc, summary, verb, done string) *framework.PathOperation {
		return writeOperation(callback, summary, verb, "role", done)
	}
	const stored = "The role is stored."
	return map[logical.Operation]framework.OperationHandler{
		logical.CreateOperation: change(b.writeRole, "Create the role.", "write", stored),
		logical.UpdateOperation: change(b.writeRole, "Change the fields given.", "write", stored),
		logical.PatchOperation:  change(b.writeRole, "Change the fields given; null goes back to the default.", "patch", stored),
		logical.DeleteOperation: change(b.deleteRole, "Delete the role.", "delete", "The role is deleted."),
		logical.ReadOperation: &framework.PathOperation{
			Callback:     b.readRole,
			Summary:      "Read the role.",
			DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "read", OperationSuffix: "role"},
			Responses: map[int][]framework.Response{http.StatusOK: {{
				Description: "The role.",
				Fields: map[string]*framework.FieldSchema{
					keyApp:    {Type: framework.TypeString, Required: true, Description: "Name of the app; empty for the default app."},
					keyScopes: {Type: framework.TypeString, Required: true, Description: "Scopes of the tokens; empty for the app's."},
				},
			}}},
		},
	}
}

func (b *backend) roleExists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	entry, err := req.Storage.Get(ctx, roleKey(d))
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
	return &logical.Response{Data: map[string]any{keyApp: r.App, keyScopes: r.Scopes}}, nil
}

func (b *backend) writeRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	lock := b.writeLock(roleKey(d))
	lock.Lock()
	defer lock.Unlock()

	r, err := roleToChange(ctx, req, d)
	if err != nil {
		return answer(err)
	}
	if err := r.change(d); err != nil {
		return answer(err)
	}
	entry, err := logical.StorageEntryJSON(roleKey(d), r)
	if err != nil {
		return answer(fmt.Errorf("encoding role: %w", err))
	}
	if err := req.Storage.Put(ctx, entry); err != nil {
		return answer(fmt.Errorf("writing role: %w", err))
	}
	b.roles.Forget(roleName(d))
	b.log.Info("role written", "role", roleName(d), "config", configKey(r.App), "scopes", r.Scopes)
	b.event(eventRoleWrite, req.Path, keyScopes, r.Scopes)
	return b.roleWarnings(ctx, req, r)
}

// roleWarnings tells of an app that isn't there yet; the order of writes is the
// operator's.
func (b *backend) roleWarnings(ctx context.Context, req *logical.Request, r *role) (*logical.Response, error) {
	if _, err := b.app(ctx, req, r.App); !isInput(err) {
		return nil, nil // Vault answers 204
	}
	resp := &logical.Response{}
	resp.AddWarning(fmt.Sprintf("%s isn't configured yet: run `vault write %s%s client_id=… client_secret=…`",
		describeApp(r.App), req.MountPoint, configKey(r.App)))
	return resp, nil
}

func (b *backend) deleteRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	lock := b.writeLock(roleKey(d))
	lock.Lock()
	defer lock.Unlock()

	if err := req.Storage.Delete(ctx, roleKey(d)); err != nil {
		return answer(fmt.Errorf("deleting role: %w", err))
	}
	b.roles.Forget(roleName(d))
	b.tallies.forgetRole(roleName(d))
	b.log.Info("role deleted", "role", roleName(d))
	b.event(eventRoleDelete, req.Path)
	return nil, nil // Vault answers 204
}
