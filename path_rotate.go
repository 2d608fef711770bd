package itwin

import (
	"context"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const rotatePath = "rotate"

const rotateSynopsis = `Mint a fresh token now and replace the shared one.`

const rotateDescription = `
Replaces the shared token of the default app ("rotate") or of a role ("rotate/<role>"),
on every node, and returns what identifies the new one, not the token itself.

    $ vault write -f itwin/rotate
    $ vault write -f itwin/rotate/viewer

The old token isn't handed out any more; with IMS it stays good until it expires. If IMS
fails, the old token stays. Readers get the new one when they read next.

This replaces tokens, not the client secret: for that, see config.`

func (b *backend) pathsRotate() []*framework.Path {
	return []*framework.Path{
		b.pathRotate(rotatePath+"$", nil, "token"),
		b.pathRotate(rotatePath+"/"+nameRegex(keyRole), roleNameField(), "role-token"),
	}
}

func (b *backend) pathRotate(pattern string, fields map[string]*framework.FieldSchema, suffix string) *framework.Path {
	shown := tokenResponses()[http.StatusOK][0].Fields
	delete(shown, keyAccessToken)
	return &framework.Path{
		Pattern:         pattern,
		Fields:          fields,
		HelpSynopsis:    rotateSynopsis,
		HelpDescription: strings.TrimSpace(rotateDescription),
		DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:                    b.rotateToken,
				Summary:                     rotateSynopsis,
				DisplayAttrs:                &framework.DisplayAttributes{OperationVerb: "rotate", OperationSuffix: suffix},
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
				Responses: map[int][]framework.Response{http.StatusOK: {{
					Description: "What identifies the new token.", Fields: shown,
				}}},
			},
		},
	}
}

func (b *backend) rotateToken(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	return b.withPool(ctx, req, func(a *app, r *role) (*logical.Response, error) {
		served, err := a.pool.Rotate(ctx, a.tokenScope(r))
		if err != nil {
			return nil, err
		}
		b.log.Info("token rotated on request", "config", configKey(a.name), "role", roleOf(req.Path), "token_id", served.ID)
		b.event(eventTokenRotate, req.Path, keyTokenID, served.ID)
		resp := tokenResponse(a, served)
		delete(resp.Data, keyAccessToken)
		if served.Unstored != nil {
			resp.AddWarning("The new token couldn't be stored: other nodes, and this one after a restart, still hand out" +
				" the old one. Rotate again when Vault's storage works.")
		}
		return resp, nil
	})
}
