package itwin

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const rotatePath = "rotate"

const rotateSynopsis = `Mint a new token now and make it the shared one.`

const rotateDescription = `
Mints a new token for the default app ("rotate") or for a role ("rotate/<role>"), makes it
the shared token on every node, and returns what identifies it, not the token itself.

    $ vault write -f itwin/rotate
    $ vault write -f itwin/rotate/viewer

Readers get the new token on their next read. The previous token is no longer handed out,
but IMS accepts it until it expires. If IMS fails, the previous token remains shared.

This rotates the token, not the client secret. To replace the secret, write it to config.`

func (b *backend) pathsRotate() []*framework.Path {
	return []*framework.Path{
		b.pathRotate(rotatePath+"$", schemas{}, "token"),
		b.pathRotate(rotatePath+"/"+nameRegex(keyRole), roleNameField(), "role-token"),
	}
}

func (b *backend) pathRotate(pattern string, fields schemas, suffix string) *framework.Path {
	rotate := readOperation(b.rotateToken, rotateSynopsis, "rotate", suffix, "What identifies the new token.", identityResponse())
	rotate.ForwardPerformanceStandby, rotate.ForwardPerformanceSecondary = true, true
	return withHelp(&framework.Path{
		Pattern:    pattern,
		Fields:     fields,
		Operations: operations{logical.UpdateOperation: rotate},
	}, rotateSynopsis, rotateDescription)
}

func (b *backend) rotateToken(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	roleName := tokenRole(d)
	return b.withApp(ctx, req, roleName, func(a *app, r *role) (*logical.Response, error) {
		served, err := a.pool.Rotate(ctx, a.scopesOf(r))
		if err != nil {
			return nil, err
		}
		b.log.Info("token rotated on request", "config", configKey(a.name), "role", roleName, "token_id", served.ID)
		b.event(eventTokenRotate, req.Path, keyTokenID, served.ID)
		resp := timedResponse(tokenIdentity(a, served.Token), served)
		if served.Repeated {
			resp.AddWarning("IMS returned the same token again, so it remains the shared one.")
		}
		if served.NotStored != nil {
			resp.AddWarning("Could not store the new token: other nodes, and this node after a restart, will hand out the" +
				" previous token. Rotate again once Vault's storage works.")
		}
		return resp, nil
	})
}
